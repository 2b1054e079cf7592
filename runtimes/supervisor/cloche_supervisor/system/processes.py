"""Kill and reap all processes that a program has started."""

from __future__ import annotations

import os
import signal
import time

from cloche_supervisor.system import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.system.signals import Signals

_AGAIN_SECONDS = 0.01


class Processes:
    """The processes to kill and reap.

    As PID 1 of a PID namespace, these are all others in it; otherwise they are the descendants.
    """

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._main = 0
        self.status: int | None = None
        """The wait status of the watched process after it has ended."""
        self.largest_bytes = 0
        """Peak RSS of the largest process reaped since `watch`."""
        if os.getpid() != 1:
            linux.become_subreaper()

    def watch(self, pid: int) -> None:
        """Keep the wait status of this child when it ends."""
        self._main, self.status, self.largest_bytes = pid, None, 0

    def reap(self) -> bool:
        """Reap every child that has ended, orphans included, and return whether children remain."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            # Linux reports it in KiB, with the peak of the children that the process waited for.
            self.largest_bytes = max(self.largest_bytes, usage.ru_maxrss * 1024)
            if pid == self._main:
                self.status = status

    def kill(self, seconds: float) -> bool:
        """Kill and reap for up to `seconds`, and return whether no process remains.

        In a PID namespace one kill(-1) suffices against a fork bomb: the kernel marks all processes
        under the lock that fork needs, and a marked process cannot fork. It is repeated
        nevertheless.

        Raises:
            Terminated: SIGTERM was received meanwhile.
        """
        end = time.monotonic() + seconds
        while True:
            _kill_all()
            if not self.reap():
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._signals.wait(min(_AGAIN_SECONDS, left))

    @staticmethod
    def others() -> list[int]:
        """Return the pids of all other processes, including those that are not children."""
        if os.getpid() != 1:
            return _descendants()
        return [int(name) for name in os.listdir("/proc") if name.isdecimal() and name != "1"]


def _kill_all() -> None:
    # Without its own PID namespace, -1 would mean every process of the machine.
    for pid in (-1,) if os.getpid() == 1 else _descendants():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        except PermissionError:  # a process of another user that has entered the namespace
            continue


def _descendants() -> list[int]:
    """Return all descendants of this process, found through the parents in /proc."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    stat = file.read()
            except OSError:  # it has ended
                continue
            # The second field is a name that may contain anything, including closing brackets.
            parent = int(stat[stat.rindex(b")") + 1 :].split()[1])
            children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
