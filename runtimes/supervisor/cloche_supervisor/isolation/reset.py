"""Reset the Pod, so that the next program finds nothing of the previous one.

Three things outlive their process: files in the few writable places, System V IPC objects, and the
attributes of PID 1 that a program can change.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from cloche_supervisor.isolation import ipc
from cloche_supervisor.isolation.pristine_state import ResetError, extended_attributes
from cloche_supervisor.system.signals import Terminated
from cloche_supervisor.workspace.safe_open import DIRECTORY
from cloche_supervisor.workspace.tree import empty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_supervisor.context import Context
    from cloche_supervisor.isolation.pristine_state import PristineState
    from cloche_supervisor.system.processes import Processes
    from cloche_supervisor.system.signals import Signals

_CHECK_EVERY = 256


def reset(context: Context, pristine: PristineState, *, keep_files: bool) -> None:
    """Kill all processes, remove what they left, and verify the result.

    Args:
        context: the supervisor's context.
        pristine: the state to restore.
        keep_files: keep the contents of the workspace.

    Raises:
        ResetError: something remains or differs from the original state. The Pod must not be
            reused.
        Terminated: SIGTERM was received.
    """
    settings = context.settings
    directories = settings.memory_directories
    if not keep_files:
        directories = (settings.workspace, *directories)
    try:
        _kill(context.processes, settings.kill_seconds)
        _restore(pristine, directories)
        _remove(directories, _TimeLimit(settings.reset_seconds, context.signals).step)
        _verify(directories, context.processes, pristine)
    except (ResetError, Terminated):
        raise
    except Exception as error:
        raise ResetError(f"{type(error).__name__}: {error}") from error


def _kill(processes: Processes, seconds: float) -> None:
    if os.getpid() != 1:
        # Outside a container's namespaces there may be processes and objects of others.
        raise ResetError("the supervisor is not PID 1")
    if not processes.kill(seconds):
        raise ResetError(f"a process could not be killed within {seconds:g} s")


def _restore(pristine: PristineState, emptied: tuple[str, ...]) -> None:
    """Restore the permissions of the directories themselves, and the attributes of emptied ones."""
    for path, (mode, attributes) in pristine.directories.items():
        if stat.S_IMODE(os.stat(path).st_mode) != mode:
            os.chmod(path, mode)
        if path in emptied:
            for name in extended_attributes(path) - attributes:
                os.removexattr(path, name)


def _remove(directories: tuple[str, ...], step: Callable[[], None]) -> None:
    for path in directories:
        _empty(path, step)
    ipc.remove_all()


def _empty(path: str, step: Callable[[], None]) -> None:
    try:
        fd = os.open(path, DIRECTORY)
    except FileNotFoundError:
        return
    try:
        empty(fd, step)
    except OSError as error:
        # The file's name is omitted: the program chose it, and it may not be UTF-8.
        raise ResetError(f"{path}: {error.strerror}") from error
    finally:
        os.close(fd)


def _verify(directories: tuple[str, ...], processes: Processes, pristine: PristineState) -> None:
    if processes.others():
        raise ResetError("a process is still running")
    for path in directories:
        try:
            if os.listdir(path):
                raise ResetError(f"{path}: a file is still there")
        except FileNotFoundError:
            continue
    if not ipc.is_empty():
        raise ResetError("a System V IPC object is still there")
    if changed := pristine.changed():
        raise ResetError(f"the supervisor's {changed} changed")


def clear(context: Context) -> None:
    """Remove all files and System V IPC objects, because processes that waited may have made some.

    No process may run.

    Raises:
        ResetError: something cannot be removed.
        Terminated: SIGTERM was received.
    """
    settings = context.settings
    step = _TimeLimit(settings.reset_seconds, context.signals).step
    try:
        _empty(settings.workspace, step)
        if os.getpid() == 1:  # otherwise they are shared with other processes of the machine
            _remove(settings.memory_directories, step)
    except (ResetError, Terminated):
        raise
    except Exception as error:
        raise ResetError(f"{type(error).__name__}: {error}") from error


class _TimeLimit:
    """A time limit for the removal that also checks for SIGTERM."""

    def __init__(self, seconds: float, signals: Signals) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._signals = signals
        self._steps = 0

    def step(self) -> None:
        self._steps += 1
        if self._steps % _CHECK_EVERY == 0:
            self._signals.read()
            if time.monotonic() > self._end:
                words = f"not everything could be removed within {self._seconds:g} s"
                raise TimeoutError(errno.ETIMEDOUT, words)
