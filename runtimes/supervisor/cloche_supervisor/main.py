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
from cloche_supervisor.protocol.frame import ACTIONS, EXIT, KEEP_FILES, RESTART, read
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
    from cloche_supervisor.protocol.file_frame import FileFrame

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
    cells: Cells | None = None
    data: bytes | None = source.frame()
    while data is not None:
        frame = read(data)
        if frame.kind == "start":
            cells = cells or _cells(context, environment)
            cells.start(frame.interpreter)
            data = _next(source, context)
            continue
        if frame.kind == "cell":
            cells = cells or _cells(context, environment)
            cells.run(frame)
        elif frame.kind == "action":
            _act(context, frame)
        else:
            if cells is not None:
                cells.end()
            Execution(context, frame, environment).run()
        if frame.afterwards == EXIT or context.events.logged >= LOG_BYTES:
            break
        keep_files = frame.afterwards == KEEP_FILES
        if cells is not None and (
            not keep_files or (frame.kind == "action" and frame.action == RESTART)
        ):
            cells.end()
        del data, frame  # some MiB, not needed while waiting
        _make_ready(context, pristine, cells, keep_files=keep_files)
        data = _next(source, context)
    if cells is not None:
        cells.end()
    return OK


def _next(source: Input, context: Context) -> bytes | None:
    """Wait for another frame. Return None at the end of the input, after reporting it.

    This event's number lets a reader see whether the log is complete, and with it which programs
    were started.
    """
    data = source.next_frame()
    if data is None:
        context.events.emit("error", message="the input ended")
    return data


def _cells(context: Context, environment: dict[str, str]) -> Cells:
    from cloche_supervisor.cells.session import Cells  # noqa: PLC0415 - most Pods do not need it

    return Cells(context, environment)


def _act(context: Context, frame: FileFrame) -> None:
    from cloche_supervisor.run.file_action import FileAction  # noqa: PLC0415 - rarely needed

    FileAction(context, frame).run()


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
