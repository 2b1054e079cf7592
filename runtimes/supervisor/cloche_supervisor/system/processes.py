"""Kill and reap all processes that a program has started, and measure those that wait."""

from __future__ import annotations

import os
import signal
import time

from cloche_supervisor.system import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_supervisor.system.signals import Signals

_AGAIN_SECONDS = 0.01
_SPARE_SECONDS = 0.5
"""How long processes are killed one by one, so that the kept ones survive. A fork bomb can only be
killed together with them."""
_SCHED_CLOCK = 2  # CPUCLOCK_SCHED of <linux/posix-timers.h>, with which a pid becomes a clock


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
        self.kept: set[int] = set()
        """Children that wait for a program and have not been reaped. `kill` can spare them with
        their descendants."""
        if os.getpid() != 1:
            linux.become_subreaper()

    def keep(self, pid: int) -> None:
        """Keep a child until it is watched or reaped."""
        self.kept.add(pid)

    def watch(self, pid: int) -> None:
        """Keep the wait status of this child when it ends."""
        self.kept.discard(pid)
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
            self.kept.discard(pid)
            if pid == self._main:
                self.status = status

    def kill(self, seconds: float, *, spare_kept: bool = False) -> bool:
        """Kill and reap for up to `seconds`, and return whether no process remains.

        In a PID namespace one kill(-1) suffices against a fork bomb: the kernel marks all processes
        under the lock that fork needs, and a marked process cannot fork. It is repeated
        nevertheless.

        `spare_kept`: the kept processes and their descendants remain, unless the others do not end.

        Raises:
            Terminated: SIGTERM was received meanwhile.
        """
        if spare_kept and self.kept and self._kill_others(min(seconds, _SPARE_SECONDS)):
            return True
        end = time.monotonic() + seconds
        while True:
            _kill((-1,) if os.getpid() == 1 else _below([os.getpid()]))
            if not self.reap():
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._signals.wait(min(_AGAIN_SECONDS, left))

    def _kill_others(self, seconds: float) -> bool:
        """Kill all processes but the kept ones, and return whether the others have ended."""
        end = time.monotonic() + seconds
        while True:
            _kill(self._not_kept())
            self.reap()
            if not self._not_kept():
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._signals.wait(min(_AGAIN_SECONDS, left))

    def _not_kept(self) -> set[int]:
        return set(self.others()) - self.kept - set(_below(self.kept))

    def waiting_cpu_seconds(self) -> float:
        """Return the CPU time so far of the kept processes, their descendants and other orphans.

        It counts as that of children when they are reaped.
        """
        return sum(map(_cpu_seconds, self.others())) if self.kept else 0.0

    @staticmethod
    def others() -> list[int]:
        """Return the pids of all other processes, including those that are not children."""
        if os.getpid() != 1:
            return _below([os.getpid()])
        return [int(name) for name in os.listdir("/proc") if name.isdecimal() and name != "1"]


def _kill(pids: Iterable[int]) -> None:
    # Without its own PID namespace, -1 would mean every process of the machine.
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        except PermissionError:  # a process of another user that has entered the namespace
            continue


def _below(roots: Iterable[int]) -> list[int]:
    """Return all descendants of these processes, found through the parents in /proc."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal() and (fields := _fields(int(name))):
            children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    waiting = list(roots)
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and of the children that it has waited for."""
    fields = _fields(pid)
    if not fields:
        return 0.0
    own, waited = (
        (int(fields[i]) + int(fields[i + 1])) / os.sysconf("SC_CLK_TCK") for i in (11, 13)
    )
    try:  # to the nanosecond instead of the clock tick
        return time.clock_gettime((~pid << 3) | _SCHED_CLOCK) + waited
    except OSError:  # it has just ended, or a kernel without such clocks
        return own + waited


def _fields(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat from the third, or none if the process has ended.

    The second field is a name that may contain anything, including closing brackets.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except OSError:
        return []
    return stat[stat.rindex(b")") + 1 :].split()
