"""Finds and removes what earlier runs left: processes, mounts, control groups, sockets."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.command import answers
from cloche_cluster.embedded import cgroups
from cloche_cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloche_cluster.embedded.layout import Layout

_DEATH_SECONDS = 30.0
"""How long processes may take to go after SIGKILL: writes to a slow disk hold them."""


@dataclass(frozen=True)
class Process:
    """A process as /proc shows it; a kernel thread has neither executable nor arguments."""

    pid: int
    executable: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Swept:
    """How much was found and removed."""

    processes: int
    mounts: int
    cgroups: int

    def __str__(self) -> str:
        return f"{self.processes} processes, {self.mounts} mounts, {self.cgroups} control groups"


def own_processes(
    processes: Iterable[Process], layout: Layout, in_cgroup: set[int]
) -> tuple[int, ...]:
    """Select the cluster's processes: by control group, or by program and directory together.

    A program out of the cache alone is not enough: tests start such programs for themselves.
    The caller and its parents are no part of it, whatever their arguments say.
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

    `mountinfo` is the text of /proc/PID/mountinfo: its fifth field, octal escapes for blanks.
    """
    places = tuple(f"{directory}/" for directory in directories)
    points = [_unescaped(line.split()[4]) for line in mountinfo.splitlines()]
    return tuple(point for point in reversed(points) if point.startswith(places))


def read_processes() -> list[Process]:
    """Read all processes from /proc."""
    found = []
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit() or int(directory.name) == os.getpid():
            continue
        try:
            words = (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")
            executable = os.readlink(directory / "exe")  # noqa: PTH115
        except OSError:
            continue
        found.append(Process(int(directory.name), executable, tuple(words)))
    return found


def find_processes(layout: Layout) -> tuple[int, ...]:
    """Return the ids of all processes of the cluster."""
    in_cgroup = cgroups.members(cgroups.read_mounts()) - {os.getpid()}
    found = own_processes(read_processes(), layout, in_cgroup)
    return tuple(sorted(set(found) | in_cgroup))


def sweep(layout: Layout) -> Swept:
    """Kill and remove all that is left. The state (etcd, images, keys) stays.

    Raises ClusterError when a process survives SIGKILL or a mount cannot be undone.
    """
    killed = _kill_all(layout)
    mounts = unmount_all((layout.state, layout.run, layout.log))
    removed = cgroups.remove(cgroups.read_mounts())
    _empty_run(layout)
    return Swept(killed, mounts, removed)


def _kill_all(layout: Layout) -> int:
    """Kill until none is left: what forks meanwhile is found in the next round."""
    killed: set[int] = set()
    deadline = time.monotonic() + _DEATH_SECONDS
    while pids := find_processes(layout):
        if time.monotonic() > deadline:
            raise ClusterError(f"processes do not end: {', '.join(map(str, pids))}")
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed.add(pid)
        time.sleep(0.05)
    return len(killed)


def unmount_all(directories: Sequence[Path]) -> int:
    """Unmount everything below `directories`; returns how many mounts there were.

    Raises ClusterError when one cannot be undone: what is below must not be deleted then.
    """

    def mounted() -> tuple[str, ...]:
        return own_mounts(Path("/proc/self/mountinfo").read_text(), directories)

    points = mounted()
    for point in points:
        answers(["umount", point], timeout=30)
    for point in mounted():  # in use by nobody we know: out of sight, gone with its last user
        answers(["umount", "-l", point], timeout=30)
    left = mounted()
    if left:
        raise ClusterError(f"cannot unmount {', '.join(left)}")
    return len(points)


def _empty_run(layout: Layout) -> None:
    """Remove sockets, pid files and containers' state; the lock is held, and stays."""
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
