"""`cloche run`: run a program with live output, and exit as it exits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_client.cli import exits, sources
from cloche_client.cli.output import show_one
from cloche_client.core.answers import outcome
from cloche_client.errors import (
    ClocheError,
    DeadlineExceededError,
    InvalidSyntaxError,
    UnsafePathError,
)
from cloche_client.events import Exit, ResultShown, Started, Stderr
from cloche_client.files import save_file

if TYPE_CHECKING:
    from cloche_client.blocking.client import Client
    from cloche_client.blocking.execution import Execution
    from cloche_client.cli.context import Context
    from cloche_client.models import ExecutionState, Program, Result, Shown

_NOTES = {
    "OutOfMemory": "the program ran out of memory; --memory MIB gives it more",
    "DiskFull": "the program filled its disk; --disk MIB gives it more",
    "CompilerFailed": "the compiler failed; this may not be a fault of the program",
}
_GLOB = frozenset("*?[")


def run(context: Context) -> int:
    """Run a program and return the exit code of the command."""
    with context.client() as client:
        session = context.options.session
        usual = client.settings.language
        if session and session.startswith("sbs-") and not context.options.language:
            usual = client.existing_session(session).info.language
        program = sources.program(context, usual)
        if context.options.detach:
            context.show(client.submit(program).id)
            return 0
        if context.options.output in {"json", "yaml", "raw"}:
            return _whole(context, client, program)
        execution = client.submit(program)
        try:
            state = follow(context, execution)
        except BaseException as error:
            if not isinstance(error, ClocheError):
                _cancel(context, execution)
            raise
        return ended(context, state, program.timeout)


def follow(context: Context, execution: Execution, silence: float | None = None) -> ExecutionState:
    """Write the output while the program runs, and return the state after its end.

    Args:
        context: the call.
        execution: what to follow.
        silence: return the state so far after so many seconds without output.
    """
    for event in execution.events(silence=silence):
        if isinstance(event, Exit):
            return event.state
        if isinstance(event, ResultShown):
            _show(context, event.shown)
        elif not isinstance(event, Started):
            context.write(event.text, error=isinstance(event, Stderr))
    return execution.state()


def ended(context: Context, state: ExecutionState, timeout: float | None = None) -> int:
    """Note why a program ended, save its files, and return the exit code of the command."""
    try:
        result = outcome(state)
    except InvalidSyntaxError as error:
        if error.result is None:
            raise
        result = error.result
        context.note("the code cannot be parsed or compiled")
    except DeadlineExceededError as error:
        limit = f"its timeout of {timeout:g} s" if timeout is not None else "its timeout"
        context.note(f"the program exceeded {limit}; --timeout SECONDS gives it more")
        if error.result is not None:
            _notes(context, error.result)
        return exits.TIMEOUT
    _notes(context, result)
    saved = _save(context, result)
    if result.exit_code is None:
        context.note(f"the program's exit code is not known ({result.reason})")
        return exits.FAILED
    return result.exit_code or (0 if saved else exits.FAILED)


def _whole(context: Context, client: Client, program: Program) -> int:
    """Run a program without live output, and write its result as data."""
    failed: ClocheError | None = None
    try:
        result = client.run(program)
    except (InvalidSyntaxError, DeadlineExceededError) as error:
        if error.result is None:
            raise
        result, failed = error.result, error
    show_one(context, result.raw, "")
    saved = _save(context, result)
    if isinstance(failed, DeadlineExceededError):
        return exits.TIMEOUT
    code = exits.FAILED if result.exit_code is None else result.exit_code
    return code or (0 if saved else exits.FAILED)


def _show(context: Context, shown: Shown) -> None:
    """Write what a cell shows as text, and note what a terminal cannot show."""
    if shown.text is not None:
        context.write(shown.text + "\n")
    if others := [mime for mime in shown.data if mime != "text/plain"]:
        context.note(f"the cell also shows {', '.join(others)}; -o json writes it")


def _notes(context: Context, result: Result) -> None:
    if result.error is not None:
        context.write(result.error.traceback, error=True)
    if result.state_lost:
        context.note("the interpreter ended: what earlier cells defined is lost")
    if result.results_truncated:
        context.note("results are missing: their limit is 384 KiB")
    if note := _NOTES.get(result.reason or ""):
        context.note(note)
    for name, cut in (("output", result.stdout_truncated), ("error", result.stderr_truncated)):
        if cut:
            context.note(f"the standard {name} is incomplete: its limit is 256 KiB")
    for one in result.files_omitted:
        context.note(f"{one.path} ({one.size} bytes) was not returned: {one.reason}")
    for warning in result.warnings:
        context.note(warning)


def _save(context: Context, result: Result) -> bool:
    """Write the returned files, and return whether all of them could be written.

    A file that a pattern names exactly replaces an existing one.
    """
    exact = {one for one in context.option("output_file") or () if not _GLOB & set(one)}
    done = True
    for file in result.files:
        overwrite = bool(context.option("overwrite")) or file.path in exact
        try:
            path = save_file(file, context.option("output_dir") or ".", overwrite=overwrite)
        except UnsafePathError as error:
            context.note(str(error))
            done = False
        else:
            context.note(f"wrote {path}")
    return done


def _cancel(context: Context, execution: Execution) -> None:
    """Cancel an execution whose output is not wanted any more."""
    try:
        execution.cancel()
    except ClocheError as error:
        context.note(f"execution {execution.id} could not be cancelled: {error}")
