"""Making the Pod what it was, so that the next program finds nothing of the last.

What outlives its process here: files in the few places that can be written to, System V IPC, and
what a program may change of PID 1. All else goes with the processes.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from cloche_supervisor import ipc
from cloche_supervisor.directory import DIRECTORY
from cloche_supervisor.origin import ResetError, extended_attributes
from cloche_supervisor.signals import Terminated
from cloche_supervisor.tree import empty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_supervisor.origin import Origin
    from cloche_supervisor.processes import Processes
    from cloche_supervisor.signals import Signals
    from cloche_supervisor.stage import Context

_LOOK_EVERY = 256


def reset(context: Context, origin: Origin, *, keep_files: bool) -> None:
    """Kill everything, remove what is left of it, and look that it is gone.

    `keep_files`: the workspace keeps what is in it.

    Raises:
        ResetError: something remains, or is not as it was. The Pod must not be used again.
        Terminated: the order to end.
    """
    settings = context.settings
    directories = settings.memory_directories
    if not keep_files:
        directories = (settings.workspace, *directories)
    try:
        _kill(context.processes, settings.kill_seconds)
        _restore(settings.workspace, origin, keep_files=keep_files)
        _remove(directories, _Patience(settings.reset_seconds, context.signals).step)
        _look(directories, context.processes, origin)
    except (ResetError, Terminated):
        raise
    except Exception as error:
        raise ResetError(f"{type(error).__name__}: {error}") from error


def _kill(processes: Processes, seconds: float) -> None:
    if os.getpid() != 1:
        # What is outside a container's namespaces is not ours to remove.
        raise ResetError("the supervisor is not PID 1")
    if not processes.kill(seconds):
        raise ResetError("a process does not die")


def _restore(workspace: str, origin: Origin, *, keep_files: bool) -> None:
    """Undo what a program that owns the workspace, or may write to it, can do to itself."""
    if stat.S_IMODE(os.stat(workspace).st_mode) != origin.workspace_mode:
        os.chmod(workspace, origin.workspace_mode)
    if not keep_files:
        for name in extended_attributes(workspace) - origin.workspace_attributes:
            os.removexattr(workspace, name)


def _remove(directories: tuple[str, ...], step: Callable[[], None]) -> None:
    for path in directories:
        try:
            fd = os.open(path, DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            empty(fd, step)
        except OSError as error:
            # Without the name: it is the program's, and may be no text.
            raise ResetError(f"{path}: {error.strerror}") from error
        finally:
            os.close(fd)
    ipc.remove_all()


def _look(directories: tuple[str, ...], processes: Processes, origin: Origin) -> None:
    if processes.others():
        raise ResetError("a process is left")
    for path in directories:
        try:
            if os.listdir(path):
                raise ResetError(f"{path}: a file is left")
        except FileNotFoundError:
            continue
    if not ipc.is_empty():
        raise ResetError("an object of System V IPC is left")
    if changed := origin.changed():
        raise ResetError(f"the supervisor's {changed} changed")


class _Patience:
    """How long removing may take, and whether there is an order to end meanwhile."""

    def __init__(self, seconds: float, signals: Signals) -> None:
        self._end = time.monotonic() + seconds
        self._signals = signals
        self._steps = 0

    def step(self) -> None:
        self._steps += 1
        if self._steps % _LOOK_EVERY == 0:
            self._signals.read()
            if time.monotonic() > self._end:
                raise TimeoutError(errno.ETIMEDOUT, "there is too much to remove")
