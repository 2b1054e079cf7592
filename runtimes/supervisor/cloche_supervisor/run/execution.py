"""One execution: compile, run, and after a failed run check the syntax."""

from __future__ import annotations

import os
import time

from cloche_supervisor.run.child import Launcher
from cloche_supervisor.run.output import Buffer, Ends, Order, Stream
from cloche_supervisor.run.program import run_program
from cloche_supervisor.system.cgroup import Meter, Usage
from cloche_supervisor.workspace import input_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.context import Context
    from cloche_supervisor.protocol.frame import Compile, Frame
    from cloche_supervisor.run.output import Sink
    from cloche_supervisor.run.program import Ended
    from cloche_supervisor.run.waiting import Chosen, Waiting
    from cloche_supervisor.workspace.output_files import Collected

_CHECK_BYTES = 65_536
_OUT_OF_MEMORY = 137
"""The exit code if the compiler ran out of memory, as if the kernel had killed it directly."""


class Execution:
    """One frame, from writing its files to its `exit` event.

    `waiting`: processes that may become its programs.
    """

    def __init__(
        self,
        context: Context,
        frame: Frame,
        environment: dict[str, str],
        waiting: Waiting | None = None,
    ) -> None:
        self._context = context
        self._frame = frame
        start = time.monotonic()
        self._deadline = start + frame.timeout_seconds
        self._environment = {**environment, **frame.environment}
        self._launcher = Launcher(
            context.settings.workspace, self._environment, frame.limits.rlimits
        )
        self._waiting = waiting
        self._chosen: Chosen | None = None
        order, ends, merged = Order(start), Ends(), frame.merge_output
        self._ends = ends
        limits = frame.limits
        self._stdout = Stream(
            context.events, "stdout", limits.stdout_bytes, order, ends if merged else None
        )
        self._stderr = Stream(context.events, "stderr", limits.stderr_bytes, order, ends)
        self._errors = self._stdout if merged else self._stderr
        """The stream of the program's standard error, and of the output of a failed compiler."""
        self._compiled: Ended | None = None
        self._ran: Ended | None = None
        self._checked: Ended | None = None
        self._syntax_error: str | None = None
        self._cause: str | None = None
        """Why it failed, one of the reasons of `verdict`."""
        self._compile_usage: Usage | None = None
        self._usage = Usage(0.0, 0)

    def run(self) -> None:
        """Run the execution to its end.

        Raises:
            ProtocolError: its files cannot be written into the workspace.
            ResetError: what waiting processes left cannot be removed.
            ReaderGoneError: the other end of the events' pipe is closed.
            Terminated: SIGTERM was received.
        """
        frame = self._frame
        workspace = self._context.settings.workspace
        in_place = None
        if self._waiting is not None:
            self._chosen = self._waiting.choose(frame, self._environment)
            in_place = self._chosen.written_in_place
        input_files.prepare(workspace, frame.files, in_place=in_place)
        was_full = _is_full(workspace)
        meter = Meter(self._context.cgroup, self._context.processes)
        if frame.compile is None or self._compile(frame.compile, meter):
            self._deadline = min(self._deadline, time.monotonic() + frame.run_timeout_seconds)
            self._ran = self._stage(
                "run", frame.run, self._deadline, self._stdout, self._errors, stdin=frame.stdin
            )
            self._usage = meter.read()
        if self._chosen is not None:
            self._chosen.end()
        if self._ran is not None and self._ran.exit_code != 0:
            self._examine(self._ran, filled=not was_full and _is_full(workspace))
        self._stdout.finish()
        self._stderr.finish()
        self._report()

    def _compile(self, compiler: Compile, meter: Meter) -> bool:
        """Compile and return whether it succeeded. Only a failed compiler's output is kept."""
        limits = self._frame.limits
        held = Buffer(limits.stdout_bytes if self._frame.merge_output else limits.stderr_bytes)
        deadline = min(self._deadline, time.monotonic() + compiler.timeout_seconds)
        ended = self._stage("compile", compiler.command, deadline, held, held)
        self._compiled, self._compile_usage = ended, meter.read()
        if ended.exit_code == 0:
            return True
        self._errors.feed(bytes(held.data), time.monotonic())
        self._errors.total = held.total
        self._cause, self._syntax_error = self._rejection(ended, held)
        return False

    def _examine(self, ended: Ended, *, filled: bool) -> None:
        """Find out why the program failed. `filled`: it left no space in the workspace."""
        from cloche_supervisor.run import verdict  # noqa: PLC0415 - most programs do not need it

        self._cause = verdict.of_program(ended, self._ends.data(), self._frame.failure_messages)
        if self._cause is None and ended.failed and self._frame.syntax_check is not None:
            self._check(self._frame.syntax_check)
        if filled and not ended.timed_out and self._cause is None and self._syntax_error is None:
            self._cause = verdict.DISK_FULL

    def _check(self, command: tuple[str, ...]) -> None:
        """Check whether the source can be parsed. Only a clear rejection is a syntax error."""
        settings = self._context.settings
        deadline = min(self._deadline, time.monotonic() + settings.check_seconds)
        held = Buffer(_CHECK_BYTES)
        try:
            input_files.restore(settings.workspace, self._frame.files[0])
            ended = self._checked = self._stage("check", command, deadline, held, held)
        except OSError:  # no space for the source or no memory for a fork
            return
        _, self._syntax_error = self._rejection(ended, held)

    def _rejection(self, ended: Ended, output: Buffer) -> tuple[str | None, str | None]:
        """Return why a compiler did not decide, or the line in which it rejects the code."""
        # Importing these compiles patterns, and most programs do not need them.
        from cloche_supervisor.run import verdict  # noqa: PLC0415
        from cloche_supervisor.run.compiler_message import first_line  # noqa: PLC0415

        cause = verdict.of_compiler(ended, bytes(output.data), self._frame.failure_messages)
        if cause is not None or not ended.failed:
            return cause, None
        return None, first_line(output.data)

    def _stage(  # noqa: PLR0913 - all that a stage needs
        self,
        stage: str,
        command: tuple[str, ...],
        deadline: float,
        stdout: Sink,
        stderr: Sink,
        *,
        stdin: bytes = b"",
    ) -> Ended:
        taken = self._chosen.take(stage) if self._chosen is not None else None
        child = None
        if taken is not None:
            child, stdin = taken[0], taken[1] + stdin
        self._context.events.emit(
            "started",
            execution=self._frame.execution,
            stage=stage,
            time=time.time(),
            prestarted=child is not None,
        )
        return run_program(
            self._context,
            lambda: child or self._launcher.start(command, merged=stdout is stderr),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            deadline=deadline,
        )

    def _report(self) -> None:
        ended = self._ran or self._compiled
        assert ended is not None
        compiler = self._compile_usage
        out_of_memory = self._cause == "out_of_memory"
        found = self._collect()
        self._context.events.emit(
            "exit",
            execution=self._frame.execution,
            time=time.time(),
            exit_code=_OUT_OF_MEMORY if out_of_memory and self._ran is None else ended.exit_code,
            signal=ended.signal,
            timed_out=ended.timed_out,
            out_of_memory=out_of_memory,
            disk_full=self._cause == "disk_full",
            compiler_failed=self._cause == "compiler_failed",
            execution_seconds=_seconds(self._ran) or 0.0,
            compile_seconds=_seconds(self._compiled),
            check_seconds=_seconds(self._checked),
            cpu_seconds=self._usage.cpu_seconds,
            max_memory_bytes=self._usage.memory_bytes,
            compile_cpu_seconds=None if compiler is None else compiler.cpu_seconds,
            compile_max_memory_bytes=None if compiler is None else compiler.memory_bytes,
            stdout_bytes=self._stdout.total,
            stderr_bytes=self._stderr.total,
            stdout_truncated=self._stdout.truncated,
            stderr_truncated=self._stderr.truncated,
            files=found.files if found else [],
            files_truncated=found is not None and found.truncated,
            files_omitted=found.omitted if found else [],
            syntax_error=self._syntax_error,
        )

    def _collect(self) -> Collected | None:
        if not self._frame.output_files:
            return None
        from cloche_supervisor.workspace.output_files import collect  # noqa: PLC0415 - most runs do not need it

        settings = self._context.settings
        return collect(
            settings.workspace,
            self._frame.output_files,
            limit=self._frame.limits.files_bytes,
            deadline=time.monotonic() + settings.collect_seconds,
        )


def _is_full(directory: str) -> bool:
    """Return whether its volume has no space left."""
    return os.statvfs(directory).f_bavail == 0


def _seconds(ended: Ended | None) -> float | None:
    return None if ended is None else round(ended.seconds, 6)
