"""What the kernel counts for the container: memory and deaths for want of it.

Version 2 first, then version 1. Files and keys: Documentation/admin-guide/cgroup-v2.rst and
cgroup-v1/memory.rst of the kernel.
"""

from __future__ import annotations

import os

_ROOT = "/sys/fs/cgroup"


class Cgroup:
    """The memory cgroup of this process. Made once; where there is none, nothing is counted."""

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
            # A container may see its own cgroup at the root while the table has the node's path.
            for place in places:
                if os.path.exists(f"{place}/{names[0]}"):
                    self._events, self._peak = f"{place}/{names[0]}", f"{place}/{names[1]}"
                    return

    def oom_kills(self) -> int:
        """How many processes the kernel has killed here for want of memory."""
        for line in _read(self._events).splitlines():
            key, _, value = line.partition(" ")
            if key == "oom_kill":
                return int(value)
        return 0

    def peak_bytes(self) -> int | None:
        """The most memory that was ever in use here, of all processes and files in memory.

        None where the kernel does not tell (version 2 before Linux 5.19).
        """
        text = _read(self._peak)
        return int(text) if text.strip().isdecimal() else None


def _memberships(table: str) -> list[tuple[str, str]]:
    """Controllers and path of each line; the line of version 2 has no controllers."""
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
