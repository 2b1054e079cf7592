"""From start to exit: greet, take one frame, run it, let the last event go."""

from __future__ import annotations

import os

from cloche_supervisor import linux
from cloche_supervisor.cgroup import Cgroup
from cloche_supervisor.events import Events, ReaderGoneError
from cloche_supervisor.frame import Frame
from cloche_supervisor.processes import Processes
from cloche_supervisor.run import Execution
from cloche_supervisor.settings import Settings
from cloche_supervisor.signals import Signals, Terminated
from cloche_supervisor.stage import Context
from cloche_supervisor.wire import VERSION, Input, ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

OK, FAILED, BAD_INPUT, TERMINATED = 0, 1, 2, 128 + 15
"""Exit codes: done; an internal failure or no reader; an unusable input; SIGTERM."""


def main(settings: Settings | None = None) -> NoReturn:
    """Be the supervisor. Ends the process, and writes nothing to its stderr whatever happens."""
    code = FAILED
    try:
        code = _supervise(settings or Settings())
    finally:
        os._exit(code)  # no clean-up of the interpreter, and no traceback


def _supervise(settings: Settings) -> int:
    os.umask(0o022)
    _close_strays()
    linux.set_dumpable(dumpable=False)
    signals = Signals()
    events = Events(1)
    context = Context(settings, signals, events, Processes(signals), Cgroup())
    try:
        try:
            code = _serve(context)
        except ProtocolError as error:
            events.emit("error", message=str(error))
            code = BAD_INPUT
        except (ReaderGoneError, Terminated):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, the operator is told
            context.processes.kill(settings.kill_seconds)
            events.emit("error", message=f"internal error: {type(error).__name__}: {error}"[:1000])
            code = FAILED
        events.drain(settings.drain_seconds, signals)
    except ReaderGoneError:
        _end(context)
        code = FAILED
    except Terminated:
        _end(context)
        code = TERMINATED
    return code


def _end(context: Context) -> None:
    """Kill all on the way out; further orders to end change nothing."""
    while True:
        try:
            context.processes.kill(context.settings.kill_seconds)
        except Terminated:
            continue
        return


def _serve(context: Context) -> int:
    source = Input(0, context.signals)
    source.hello()
    context.events.emit("ready", protocol=VERSION)
    Execution(context, Frame(source.frame())).run()
    # The place of `reset` and `keepFiles`: clean up, look that nothing is left, greet again and
    # take the next frame, unless so much was written that the log may soon be rotated.
    return OK


def _close_strays() -> None:
    """Close what we were started with beyond the three streams; the program shall not have it."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:  # noqa: PLR2004 - standard error
            try:
                os.close(int(name))
            except OSError:  # that of the listing itself
                continue
