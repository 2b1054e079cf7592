"""Killing and reaping everything that a program has started."""

from __future__ import annotations

import os
import signal
import time

from cloche_supervisor import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.signals import Signals

_AGAIN_SECONDS = 0.01


class Processes:
    """All processes but this one: in a PID namespace of our own all others, else descendants."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._main = 0
        self.status: int | None = None
        """The wait status of the watched process, once it has ended."""
        if os.getpid() != 1:
            linux.become_subreaper()

    def watch(self, pid: int) -> None:
        """Keep the wait status of this child when it ends."""
        self._main, self.status = pid, None

    def reap(self) -> bool:
        """Take leave of every child that has ended; orphans are ours too. Are any left?"""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._main:
                self.status = status

    def kill(self, seconds: float) -> bool:
        """Kill and reap until nothing is left, for so long at most. True when nothing is.

        In a PID namespace one kill(-1) is enough against a fork bomb: the kernel marks all
        processes under the lock that fork needs, and a marked process forks no more. It is
        repeated all the same.

        Raises:
            Terminated: the order to end came meanwhile.
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
        """All that /proc shows: in a PID namespace also what is nobody's child there."""
        if os.getpid() != 1:
            return _descendants()
        return [int(name) for name in os.listdir("/proc") if name.isdecimal() and name != "1"]


def _kill_all() -> None:
    # Outside a PID namespace of our own -1 would be every process of the machine.
    for pid in (-1,) if os.getpid() == 1 else _descendants():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        except PermissionError:  # somebody else's, who has entered the namespace to look around
            continue


def _descendants() -> list[int]:
    """Every process below this one, by the parents that /proc tells."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    stat = file.read()
            except OSError:  # it has ended
                continue
            # The second field is a name that may hold anything, closing brackets too.
            parent = int(stat[stat.rindex(b")") + 1 :].split()[1])
            children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
