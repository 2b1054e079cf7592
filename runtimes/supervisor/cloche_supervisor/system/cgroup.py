"""The container's memory usage and OOM kills, as the kernel counts them, and the usage of a stage.

Supports cgroup v2 and v1. Files and keys: Documentation/admin-guide/cgroup-v2.rst and
cgroup-v1/memory.rst of the kernel.
"""

from __future__ import annotations

import os
import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.system.processes import Processes

_ROOT = "/sys/fs/cgroup"


class Cgroup:
    """The memory cgroup of this process. Create it once.

    Without a memory cgroup, no OOM kills are counted and there is no peak.
    """

    def __init__(self, root: str = _ROOT, table: str = "/proc/self/cgroup") -> None:
        self._events: str | None = None
        self._peak: str | None = None
        for controllers, path in _memberships(table):
            if controllers == "":
                places = (root + path, root)
                names = ("memory.events", "memory.peak")
            elif "memory" in controllers.split(","):
                places = (f"{root}/memory{path}", f"{root}/memory")
                names = ("memory.oom_control", "memory.max_usage_in_bytes")
            else:
                continue
            # A container may see its own cgroup at the root although the table has the node's path.
            for place in places:
                if os.path.exists(f"{place}/{names[0]}"):
                    self._events, self._peak = f"{place}/{names[0]}", f"{place}/{names[1]}"
                    return

    def oom_kills(self) -> int:
        """Return the number of processes in this cgroup that the OOM killer has killed."""
        for line in _read(self._events).splitlines():
            key, _, value = line.partition(" ")
            if key == "oom_kill":
                return int(value)
        return 0

    def peak_bytes(self) -> int | None:
        """Return the peak memory usage in bytes, including files in memory.

        None if the kernel does not report it (cgroup v2 before Linux 5.19).
        """
        text = _read(self._peak)
        return int(text) if text.strip().isdecimal() else None


class Usage:
    """What a stage used: the CPU time and the peak of the memory of all its processes."""

    def __init__(self, cpu_seconds: float, memory_bytes: int) -> None:
        self.cpu_seconds = cpu_seconds
        self.memory_bytes = memory_bytes


class Meter:
    """Measures one stage after the other. Create it before the first."""

    def __init__(self, cgroup: Cgroup, processes: Processes) -> None:
        self._cgroup = cgroup
        self._processes = processes
        self._cpu = self._cpu_seconds()
        self._peak = cgroup.peak_bytes() or 0

    def read(self) -> Usage:
        """Return what has been used since the last reading. Only kept processes may be left.

        The kernel's peak is that of the container's whole life, and only root can reset it. If it
        has risen, the stage has reached it. Otherwise the stage used less than something before it,
        and the peak of its largest process is what is known.
        """
        cpu, peak = self._cpu_seconds(), self._cgroup.peak_bytes() or 0
        memory = peak if peak > self._peak else self._processes.largest_bytes
        used = Usage(round(max(0.0, cpu - self._cpu), 6), memory)
        self._cpu, self._peak = cpu, peak
        return used

    def _cpu_seconds(self) -> float:
        """Return the CPU time of all children reaped so far, and of their reaped children.

        What a process has used while it waited is counted before it is reaped, so that it is in no
        difference of two readings.
        """
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime + self._processes.waiting_cpu_seconds()


def _memberships(table: str) -> list[tuple[str, str]]:
    """Return controllers and path of each line; the line of cgroup v2 has no controllers."""
    found = []
    for line in _read(table).splitlines():
        _, controllers, path = line.split(":", 2)
        found.append((controllers, path.rstrip("/")))
    return sorted(found)


def _read(path: str | None) -> str:
    if path is None:
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
