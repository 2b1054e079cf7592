"""The supervisor's main loop: handshake, frame, run, and again if the frame allows it."""

from __future__ import annotations

import os
import select
import time

from cloche_supervisor.context import Context
from cloche_supervisor.isolation.bpf import assemble
from cloche_supervisor.isolation.policy import rules
from cloche_supervisor.isolation.pristine_state import PristineState, ResetError
from cloche_supervisor.isolation.syscalls import MACHINES
from cloche_supervisor.isolation.user_limits import watches_are_scarce
from cloche_supervisor.localhost.service import Localhost
from cloche_supervisor.protocol.events import LOG_BYTES, Events, ReaderGoneError
from cloche_supervisor.protocol.frame import ACTIONS, EXIT, KEEP_FILES, RESET, RESTART, read
from cloche_supervisor.protocol.wire import VERSION, Input, ProtocolError
from cloche_supervisor.run.child import default_environment
from cloche_supervisor.run.execution import Execution
from cloche_supervisor.settings import Settings
from cloche_supervisor.system import linux
from cloche_supervisor.system.cgroup import Cgroup
from cloche_supervisor.system.processes import Processes
from cloche_supervisor.system.signals import Signals, Terminated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from cloche_supervisor.cells.session import Cells
    from cloche_supervisor.protocol.cell_frame import CellFrame, StartFrame
    from cloche_supervisor.protocol.file_frame import FileFrame
    from cloche_supervisor.protocol.frame import Frame
    from cloche_supervisor.protocol.prestart_frame import PrestartFrame
    from cloche_supervisor.run.waiting import Waiting

OK, FAILED, BAD_INPUT, TERMINATED = 0, 1, 2, 128 + 15
"""Exit codes: success; internal failure or no reader; invalid input; SIGTERM."""


def main(settings: Settings | None = None) -> NoReturn:
    """Run the supervisor and end the process. Nothing is ever written to its stderr."""
    code = FAILED
    try:
        code = _supervise(settings or Settings())
    finally:
        os._exit(code)  # skip the interpreter's clean-up and traceback


def _supervise(settings: Settings) -> int:
    os.umask(0o022)
    _close_strays()
    linux.set_dumpable(dumpable=False)
    signals = Signals()
    events = Events(1)
    localhost = Localhost(MACHINES.get(os.uname().machine, {}))
    context = Context(settings, signals, events, Processes(signals), Cgroup(), localhost)
    try:
        try:
            code = _serve(context)
        except ProtocolError as error:
            events.emit("error", message=str(error))
            code = BAD_INPUT
        except ResetError as error:
            events.emit("error", message=f"reset: {error}"[:1000])
            code = FAILED
        except (ReaderGoneError, Terminated):
            raise
        except BaseException as error:  # noqa: BLE001 - the operator must learn of every failure
            context.processes.kill(settings.kill_seconds)
            events.emit("error", message=f"internal error: {type(error).__name__}: {error}"[:1000])
            code = FAILED
        if events.drain(settings.drain_seconds, signals) and code == OK:
            _linger(context)
    except ReaderGoneError:
        _end(context)
        code = FAILED
    except Terminated:
        _end(context)
        code = TERMINATED
    return code


def _linger(context: Context) -> None:
    """Keep running until the input ends, SIGTERM arrives or `linger_seconds` are over.

    The end of a container causes work on its node, which would delay the recording of the result.

    Raises:
        Terminated: SIGTERM was received.
    """
    signals, end = context.signals, time.monotonic() + context.settings.linger_seconds
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(signals.fd, select.POLLIN)
    while (left := end - time.monotonic()) > 0:
        if 0 in {fd for fd, _ in poll.poll(1000 * left)}:
            return
        signals.read()


def _end(context: Context) -> None:
    """Kill all processes before exit, regardless of further SIGTERMs."""
    while True:
        try:
            context.processes.kill(context.settings.kill_seconds)
        except Terminated:
            continue
        return


def _serve(context: Context) -> int:
    source = Input(0, context.signals)
    source.hello()
    _filter_calls(context)
    _report_ready(context)
    pristine = PristineState(context.settings.workspace, context.settings.memory_directories)
    environment = default_environment(context.settings.workspace)
    held = _Held()
    keep_files = False
    data: bytes | None = source.frame()
    while data is not None:
        frame = read(data)
        held.take(context, frame, environment)
        afterwards = frame.afterwards
        if afterwards == EXIT or (afterwards and context.events.logged >= LOG_BYTES):
            break
        del data, frame  # some MiB, not needed while waiting
        if afterwards is not None:
            keep_files = afterwards == KEEP_FILES
            _make_ready(context, pristine, held.cells, keep_files=keep_files)
        if held.waiting is not None and held.cells is None and not keep_files:
            held.waiting.start(source)
        data = source.next_frame()
        if data is None:
            # This event's number lets a reader see whether the log is complete, and with it which
            # programs were started.
            context.events.emit("error", message="the input ended")
    if held.cells is not None:
        held.cells.end()
    return OK


class _Held:
    """What can live from one frame to the next: processes that wait, or an interpreter."""

    def __init__(self) -> None:
        self.waiting: Waiting | None = None
        self.cells: Cells | None = None

    def take(
        self,
        context: Context,
        frame: Frame | FileFrame | PrestartFrame | CellFrame | StartFrame,
        environment: dict[str, str],
    ) -> None:
        """Do what a frame requests."""
        if frame.kind == "program":
            if self.cells is not None:
                self.cells.end()
            Execution(context, frame, environment, self.waiting).run()
        elif frame.kind == "cell" or frame.kind == "start":  # noqa: PLR1714 - for mypy
            if self.waiting is not None:
                self.waiting.end()
            self.cells = self.cells or _cells(context, environment)
            self.cells.take(frame)
        else:
            self.waiting = _without_program(context, frame, environment, self.waiting)
        restarts = frame.kind == "action" and frame.action == RESTART
        if self.cells is not None and (restarts or frame.afterwards == RESET):
            self.cells.end()


def _cells(context: Context, environment: dict[str, str]) -> Cells:
    from cloche_supervisor.cells.session import Cells  # noqa: PLC0415 - most Pods do not need it

    return Cells(context, environment)


def _without_program(
    context: Context,
    frame: FileFrame | PrestartFrame,
    environment: dict[str, str],
    waiting: Waiting | None,
) -> Waiting | None:
    """Do what a frame without a program requests, and return the waiting processes."""
    from cloche_supervisor.protocol.file_frame import FileFrame  # noqa: PLC0415 - rarely needed

    if waiting is not None:
        waiting.end()
    if isinstance(frame, FileFrame):
        from cloche_supervisor.run.file_action import FileAction  # noqa: PLC0415

        FileAction(context, frame).run()
        return waiting
    from cloche_supervisor.run.waiting import Waiting  # noqa: PLC0415 - for Pods of pools only

    return Waiting(context, frame, environment)


def _filter_calls(context: Context) -> None:
    """Filter the calls of this thread, and with it those of every program that it will start.

    This thread makes none of the calls that the filter refuses.
    """
    inotify, machine = not watches_are_scarce(), os.uname().machine

    def program(*, localhost: bool) -> bytes:
        return assemble(rules(inotify=inotify, localhost=localhost), machine)

    linux.forbid_new_privileges()
    context.localhost.filter_calls(program)


def _report_ready(context: Context) -> None:
    localhost = context.localhost
    context.events.emit(
        "ready",
        protocol=VERSION,
        localhost=localhost.addresses,
        localhost_problem=localhost.problem,
        actions=ACTIONS,
        cells=True,
        prestart=True,
    )


def _make_ready(
    context: Context, pristine: PristineState, cells: Cells | None, *, keep_files: bool
) -> None:
    """Clean up after an execution and report `ready` for the next.

    Nothing is cleaned while the interpreter of a session lives, because it uses what there is.

    Events are delivered before and after, because nothing is written while waiting for a frame.
    """
    from cloche_supervisor.isolation.reset import reset  # noqa: PLC0415 - many Pods do not need it

    _deliver(context)
    if cells is None or not cells.alive:
        reset(context, pristine, keep_files=keep_files)
        if cells is not None and keep_files:
            cells.restart()
    linux.give_memory_back()
    _report_ready(context)
    _deliver(context)


def _deliver(context: Context) -> None:
    if not context.events.drain(context.settings.drain_seconds, context.signals):
        raise ReaderGoneError


def _close_strays() -> None:
    """Close inherited descriptors beyond the three streams, so that no program gets them."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:  # noqa: PLR2004 - standard error
            try:
                os.close(int(name))
            except OSError:  # the listing's own descriptor
                continue
