"""One execution: compile, run, and after a failed run check the syntax."""

from __future__ import annotations

import resource
import time

from cloche_supervisor.run.child import Launcher
from cloche_supervisor.run.output import Buffer, Stream
from cloche_supervisor.run.program import run_program
from cloche_supervisor.workspace import input_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.context import Context
    from cloche_supervisor.protocol.frame import Compile, Frame
    from cloche_supervisor.run.output import Sink
    from cloche_supervisor.run.program import Ended

_CHECK_BYTES = 65_536


class Execution:
    """One frame, from writing its files to its `exit` event."""

    def __init__(self, context: Context, frame: Frame) -> None:
        self._context = context
        self._frame = frame
        self._deadline = time.monotonic() + frame.timeout_seconds
        self._launcher = Launcher(
            context.settings.workspace, frame.environment, frame.limits.rlimits
        )
        self._stdout = Stream(context.events, "stdout", frame.limits.stdout_bytes)
        self._stderr = Stream(context.events, "stderr", frame.limits.stderr_bytes)
        self._compiled: Ended | None = None
        self._ran: Ended | None = None
        self._checked: Ended | None = None
        self._syntax_error: str | None = None

    def run(self) -> None:
        """Run the execution to its end.

        Raises:
            ProtocolError: its files cannot be written into the workspace.
            ReaderGoneError: the other end of the events' pipe is closed.
            Terminated: SIGTERM was received.
        """
        frame = self._frame
        input_files.prepare(self._context.settings.workspace, frame.files)
        cpu = _cpu_seconds()
        if frame.compile is None or self._compile(frame.compile):
            self._ran = self._stage(
                "run", frame.run, self._deadline, self._stdout, self._stderr, stdin=frame.stdin
            )
        cpu = _cpu_seconds() - cpu
        if self._ran is not None and self._ran.failed and frame.syntax_check is not None:
            self._check(frame.syntax_check)
        self._stdout.finish()
        self._stderr.finish()
        self._report(cpu)

    def _compile(self, compiler: Compile) -> bool:
        """Compile and return whether it succeeded. Only a failed compiler's output is kept."""
        held = Buffer(self._frame.limits.stderr_bytes)
        deadline = min(self._deadline, time.monotonic() + compiler.timeout_seconds)
        ended = self._stage("compile", compiler.command, deadline, held, held)
        self._compiled = ended
        if ended.exit_code == 0:
            return True
        self._stderr.feed(bytes(held.data), time.monotonic())
        self._stderr.total = held.total
        if ended.failed:
            self._syntax_error = _error_line(held.data)
        return False

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
        if ended.failed:
            self._syntax_error = _error_line(held.data)

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
        self._context.events.emit(
            "started", execution=self._frame.execution, stage=stage, time=time.time()
        )
        return run_program(
            self._context,
            self._launcher,
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            deadline=deadline,
        )

    def _report(self, cpu_seconds: float) -> None:
        ended = self._ran or self._compiled
        assert ended is not None
        files_found, files_truncated = self._collect()
        self._context.events.emit(
            "exit",
            execution=self._frame.execution,
            time=time.time(),
            exit_code=ended.exit_code,
            signal=ended.signal,
            timed_out=ended.timed_out,
            out_of_memory=ended.out_of_memory,
            execution_seconds=_seconds(self._ran) or 0.0,
            compile_seconds=_seconds(self._compiled),
            check_seconds=_seconds(self._checked),
            cpu_seconds=round(cpu_seconds, 6),
            max_memory_bytes=self._context.cgroup.peak_bytes() or _max_rss_bytes(),
            stdout_bytes=self._stdout.total,
            stderr_bytes=self._stderr.total,
            stdout_truncated=self._stdout.truncated,
            stderr_truncated=self._stderr.truncated,
            files=files_found,
            files_truncated=files_truncated,
            syntax_error=self._syntax_error,
        )

    def _collect(self) -> tuple[list[dict[str, str]], bool]:
        if not self._frame.output_files:
            return [], False
        from cloche_supervisor.workspace.output_files import collect  # noqa: PLC0415 - most runs do not need it

        settings = self._context.settings
        found = collect(
            settings.workspace,
            self._frame.output_files,
            limit=self._frame.limits.files_bytes,
            deadline=time.monotonic() + settings.collect_seconds,
        )
        return found.files, found.truncated


def _error_line(output: bytearray) -> str:
    # Importing this compiles its patterns, and most programs do not need it.
    from cloche_supervisor.run.compiler_message import first_line  # noqa: PLC0415

    return first_line(output)


def _seconds(ended: Ended | None) -> float | None:
    return None if ended is None else round(ended.seconds, 6)


def _cpu_seconds() -> float:
    """Return the CPU time of all children reaped so far, and of their reaped children."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _max_rss_bytes() -> int:
    """Return the peak RSS of the largest process reaped so far; Linux reports it in KiB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
