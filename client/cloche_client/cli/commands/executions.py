"""`cloche ps`, `cloche logs` and `cloche cancel`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_client.cli import exits
from cloche_client.cli.commands.run import ended, follow
from cloche_client.cli.output import show, show_one
from cloche_client.errors import NotFoundError

if TYPE_CHECKING:
    from cloche_client.cli.context import Context

_COLUMNS = {
    "EXECUTION": "execution_id",
    "LANGUAGE": "language",
    "STATUS": "status",
    "REASON": "reason",
    "EXIT": "exit_code",
    "SECONDS": "execution_time",
    "AGE": "age",
}
_QUIET_SECONDS = 1.0
"""What a running program wrote so far comes at once; then nothing comes until it writes more."""


def ps(context: Context) -> int:
    """List the tenant's executions, newest first."""
    options = context.options
    with context.client() as client:
        found = client.executions(
            language=options.language,
            status=options.status,
            session_id=options.session,
            limit=None if options.all else options.limit,
        )
        show(context, [one.raw for one in found], _COLUMNS, "executions")
    return 0


def logs(context: Context) -> int:
    """Write the output of an execution."""
    options = context.options
    with context.client() as client:
        execution = client.execution(options.id)
        if options.follow:
            return ended(context, follow(context, execution))
        state = execution.state()
        if not state.ended:
            follow(context, execution, silence=_QUIET_SECONDS)
        elif state.result is not None:
            if options.output:
                show_one(context, state.raw, "")
                return 0
            context.write(state.result.stdout)
            context.write(state.result.stderr, error=True)
        elif state.detail:
            context.note(state.detail)
    return 0


def cancel(context: Context) -> int:
    """Cancel executions, and go on after one that does not exist."""
    code = 0
    with context.client() as client:
        for execution_id in context.options.ids:
            try:
                state = client.execution(execution_id).cancel()
            except NotFoundError as error:
                context.note(str(error))
                code = exits.code_of(error)
            else:
                show_one(context, state.raw, f"{execution_id} {state.status}")
    return code
