"""What a cell used: CPU time and memory, as the kernel counts them for the interpreter."""

from __future__ import annotations

import os
import resource
import time

from cloche_supervisor.system.cgroup import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.system.cgroup import Cgroup
    from cloche_supervisor.system.processes import Processes

_TICKS = os.sysconf("SC_CLK_TCK")
_RESET_PEAK = b"5"  # /proc/PID/clear_refs: Documentation/filesystems/proc.rst


class CellMeter:
    """Measures one cell. Create it before the cell.

    The CPU time is that of the interpreter, of the children that it waited for, and of the orphans
    that ended meanwhile. A process that outlives its cell counts in the one in which it ends.
    """

    def __init__(self, cgroup: Cgroup, processes: Processes, pid: int) -> None:
        self._cgroup = cgroup
        self._processes = processes
        self._pid = pid
        processes.largest_bytes = 0
        try:
            with open(f"/proc/{pid}/clear_refs", "wb", buffering=0) as file:
                file.write(_RESET_PEAK)
        except OSError:  # it has made itself undumpable: the peak is that of its life
            pass
        self._peak = cgroup.peak_bytes() or 0
        self._own = _cpu_of(pid)
        self._reaped = _cpu_of_reaped()

    def read(self, *, alive: bool) -> Usage:
        """Return what was used. `alive`: whether the interpreter still runs."""
        peak = self._cgroup.peak_bytes() or 0
        # What a process used counts as that of a reaped one when it has ended.
        cpu = _cpu_of_reaped() - self._reaped - self._own
        largest = self._processes.largest_bytes
        if alive:
            cpu += _cpu_of(self._pid)
            largest = max(largest, _peak_of(self._pid))
        return Usage(round(max(0.0, cpu), 6), peak if peak > self._peak else largest)


def _cpu_of(pid: int) -> float:
    """Return the CPU time of a process, and of the children that it has waited for."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
        # CPUCLOCK_SCHED of a process (include/linux/posix-timers.h).
        own = time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0
    # The second field is a name that may contain anything, including closing brackets.
    fields = stat[stat.rindex(b")") + 1 :].split()
    return own + (int(fields[13]) + int(fields[14])) / _TICKS


def _peak_of(pid: int) -> int:
    """Return the peak of a process's memory in bytes, since it was reset."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            for line in file:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _cpu_of_reaped() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
