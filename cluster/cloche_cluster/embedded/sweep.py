"""Find and remove leftovers of earlier runs: processes, mounts, cgroups, sockets."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.embedded.node import cgroups
from cloche_cluster.errors import ClusterError
from cloche_cluster.machine.command import answers, wait_until
from cloche_cluster.machine.processes import read_processes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloche_cluster.embedded.layout import Layout
    from cloche_cluster.machine.processes import Process

_KILL_SECONDS = 30.0
"""How long processes may take to end after SIGKILL. Writes to a slow disk delay them."""


@dataclass(frozen=True)
class Swept:
    """The numbers of removed processes, mounts and cgroups."""

    processes: int
    mounts: int
    cgroups: int

    def __str__(self) -> str:
        return f"{self.processes} processes, {self.mounts} mounts, {self.cgroups} control groups"


def own_processes(
    processes: Iterable[Process], layout: Layout, in_cgroup: set[int]
) -> tuple[int, ...]:
    """Select the cluster's processes: by cgroup, or by program and directory together.

    A program from the cache is not sufficient, because tests start such programs too. Nor are its
    arguments, which the caller or its parents may share.
    """
    cache = f"{layout.cache}/"
    places = (f"{layout.state}/", f"{layout.run}/")

    def is_own(process: Process) -> bool:
        if process.pid in in_cgroup:
            return True
        from_cache = process.executable.startswith(cache) or any(
            argument.startswith(cache) for argument in process.arguments[:2]
        )
        return from_cache and any(
            place in argument for argument in process.arguments for place in places
        )

    return tuple(process.pid for process in processes if is_own(process))


def own_mounts(mountinfo: str, directories: Iterable[Path]) -> tuple[str, ...]:
    """Select the mount points below `directories`, the innermost first.

    `mountinfo` is the text of /proc/PID/mountinfo; the fifth field of a line, with octal escapes
    for blanks, is its mount point.
    """
    places = tuple(f"{directory}/" for directory in directories)
    points = [_unescaped(line.split()[4]) for line in mountinfo.splitlines()]
    return tuple(point for point in reversed(points) if point.startswith(places))


def find_processes(layout: Layout) -> tuple[int, ...]:
    """Return the ids of all processes of the cluster."""
    in_cgroup = cgroups.members(cgroups.read_mounts()) - {os.getpid()}
    found = own_processes(read_processes(), layout, in_cgroup)
    return tuple(sorted(set(found) | in_cgroup))


def sweep(layout: Layout) -> Swept:
    """Kill all processes and remove all leftovers. The state (etcd, images, keys) stays.

    Raises ClusterError if a process survives SIGKILL or a mount cannot be undone.
    """
    killed = _kill_all(layout)
    mounts = unmount_all((layout.state, layout.run, layout.log))
    removed = cgroups.remove(cgroups.read_mounts())
    _empty_run(layout)
    return Swept(killed, mounts, removed)


def _kill_all(layout: Layout) -> int:
    """Kill until no process is left; each round finds those forked meanwhile."""
    killed: set[int] = set()
    left: tuple[int, ...] = ()

    def none_is_left() -> bool:
        nonlocal left
        left = find_processes(layout)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        return not left

    wait_until(
        none_is_left,
        seconds=_KILL_SECONDS,
        what="killed processes did not end",
        details=lambda: f": {', '.join(map(str, left))}",
        interval=0.05,
    )
    return len(killed)


def unmount_all(directories: Sequence[Path]) -> int:
    """Unmount everything below `directories` and return the number of mounts.

    Raises ClusterError if one cannot be undone, because its content must not be deleted.
    """

    def mounted() -> tuple[str, ...]:
        return own_mounts(Path("/proc/self/mountinfo").read_text(), directories)

    points = mounted()
    for point in points:
        answers(["umount", point], timeout=30)
    for point in mounted():  # still in use: detach it, the last user frees it
        answers(["umount", "-l", point], timeout=30)
    left = mounted()
    if left:
        raise ClusterError(f"cannot unmount {', '.join(left)}")
    return len(points)


def _empty_run(layout: Layout) -> None:
    """Remove sockets, pid files and containers' state, but not the lock, which is held."""
    if not layout.run.is_dir():
        return
    for entry in layout.run.iterdir():
        if entry.name == "lock":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), field)
