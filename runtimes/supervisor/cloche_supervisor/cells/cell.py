"""One cell: its request, its output, and its `exit` event."""

from __future__ import annotations

import json
import os
import time

from cloche_supervisor.cells.messages import Messages
from cloche_supervisor.cells.pipes import CellPipes
from cloche_supervisor.cells.usage import CellMeter
from cloche_supervisor.run import verdict
from cloche_supervisor.run.output import Ends, Order, Stream
from cloche_supervisor.run.program import SIGKILL_STATUS, Ended
from cloche_supervisor.workspace import input_files
from cloche_supervisor.workspace.output_files import collect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.cells.interpreter import InterpreterProcess
    from cloche_supervisor.context import Context
    from cloche_supervisor.protocol.cell_frame import CellFrame
    from cloche_supervisor.system.cgroup import Usage

_GRACE_SECONDS = 1.0
"""How long a cell that was interrupted may take to end before the interpreter is killed."""


class Cell:
    """One frame, from writing its files to its `exit` event.

    Exit, time, memory and the amount of output are what the supervisor has seen. The rest of what
    the interpreter reports can be forged by the cell, and is only passed on.
    """

    def __init__(self, context: Context, frame: CellFrame) -> None:
        self._context = context
        self._frame = frame
        self._start = time.monotonic()
        self._ends = Ends()
        order, limits, events = Order(self._start), frame.limits, context.events
        self._stdout = Stream(events, "stdout", limits.stdout_bytes, order)
        self._stderr = Stream(events, "stderr", limits.stderr_bytes, order, self._ends)
        self._token = os.urandom(8).hex()
        self._pipes: CellPipes | None = None

    def prepare(self) -> None:
        """Write the files, and report the start.

        Raises:
            ProtocolError: the files cannot be written into the workspace.
            ReaderGoneError: the other end of the events' pipe is closed.
        """
        input_files.prepare(self._context.settings.workspace, self._frame.files)
        execution = self._frame.execution
        self._context.events.emit("started", execution=execution, stage="cell", time=time.time())

    def run(self, interpreter: InterpreterProcess, *, state_lost: bool) -> bool:
        """Run it and return whether the interpreter can run another one.

        If not, all processes of the Pod are dead. `state_lost`: what earlier cells have made was
        lost before this one.

        Raises:
            ReaderGoneError: the other end of the events' pipe is closed.
            Terminated: SIGTERM was received.
        """
        context, streams = self._context, (self._stdout, self._stderr)
        limits = self._frame.results_entries, self._frame.results_bytes
        messages = Messages(self._token, limits, interpreter.unread, self._show)
        kills = context.cgroup.oom_kills()
        meter = CellMeter(context.cgroup, context.processes, interpreter.pid)
        pipes = self._pipes = CellPipes(context, interpreter, self._request(), streams, messages)
        deadline = self._start + self._frame.timeout_seconds
        in_time = pipes.wait(deadline)
        if not in_time:
            interpreter.interrupt()
            pipes.wait(time.monotonic() + _GRACE_SECONDS)
        kept = messages.end is not None and interpreter.alive
        seconds = time.monotonic() - self._start
        if not kept:
            context.processes.kill(context.settings.kill_seconds)
            context.localhost.clear()
        usage = meter.read(alive=kept)
        pipes.read_output()
        for stream in streams:
            stream.finish()
        status = context.processes.status
        if kept and messages.end is not None:
            status = messages.end.exit_code << 8  # as wait(2) has it
        ended = Ended(
            status if in_time and status is not None else SIGKILL_STATUS,
            seconds=seconds,
            timed_out=not in_time,
            oom_killed=context.cgroup.oom_kills() > kills,
        )
        self._report(ended, usage, messages, state_lost=state_lost or not kept)
        return kept

    def _request(self) -> bytes:
        frame = self._frame
        request = {
            "token": self._token,
            "code": frame.code,
            "environment": frame.environment,
            "entries": frame.results_entries,
            "bytes": frame.results_bytes,
        }
        data = json.dumps(request).encode()
        return len(data).to_bytes(4, "big") + data

    def _show(self, kind: str, texts: dict[str, str]) -> None:
        """Report a result after what the cell has printed before it."""
        assert self._pipes is not None
        self._pipes.read_output()
        self._context.events.emit("result", kind=kind, data=texts)

    def _report(self, ended: Ended, usage: Usage, messages: Messages, *, state_lost: bool) -> None:
        frame, end, settings = self._frame, messages.end, self._context.settings
        error = None if end is None else end.error
        # The traceback of an exception that a program would have printed.
        output = self._ends.data() + (error["traceback"].encode(errors="replace") if error else b"")
        cause = verdict.of_program(ended, output, frame.failure_messages)
        found = collect(
            settings.workspace,
            frame.output_files,
            limit=frame.limits.files_bytes,
            deadline=time.monotonic() + settings.collect_seconds,
        )
        self._context.events.emit(
            "exit",
            execution=frame.execution,
            time=time.time(),
            exit_code=ended.exit_code,
            signal=ended.signal,
            timed_out=ended.timed_out,
            out_of_memory=cause == verdict.OUT_OF_MEMORY,
            disk_full=cause == verdict.DISK_FULL,
            compiler_failed=False,
            execution_seconds=round(ended.seconds, 6),
            compile_seconds=None,
            check_seconds=None,
            cpu_seconds=usage.cpu_seconds,
            max_memory_bytes=usage.memory_bytes,
            compile_cpu_seconds=None,
            compile_max_memory_bytes=None,
            stdout_bytes=self._stdout.total,
            stderr_bytes=self._stderr.total,
            stdout_truncated=self._stdout.truncated,
            stderr_truncated=self._stderr.truncated,
            files=found.files,
            files_truncated=found.truncated,
            files_omitted=found.omitted,
            syntax_error=None,
            cell={
                "error": error,
                "state_lost": state_lost,
                "results_truncated": messages.truncated,
            },
        )
