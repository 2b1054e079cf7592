"""Check the disk: free space for what will be built and fetched, and the mount options."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from cloche_cluster.doctor.findings import Finding, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

MIB = 1024**2
GIB = 1024**3

_NO_EXEC: int = getattr(os, "ST_NOEXEC", 0)
"""0 on systems other than Linux, which lack the flag."""

KUBELET_SHARE = 100
"""The kubelet evicts Pods when less than 1/100 of the file system is free (see node/config.py)."""


@dataclass(frozen=True)
class Need:
    """Bytes that will be written below a directory, which may not exist yet."""

    path: Path
    size: int
    program: bool = False


@dataclass(frozen=True)
class Place:
    """A need with its file system: device number, free bytes, flags.

    `kept` are bytes that must remain free there.
    """

    need: Need
    device: int
    free: int
    kept: int = 0
    writable: bool = True
    executable: bool = True


def nearest(path: Path) -> Path:
    """Return `path`, or the first directory above it that exists."""
    return next(one for one in (path, *path.parents) if one.exists())


def on_one_file_system(first: Path, second: Path) -> bool:
    """Return whether files of one directory can be hard-linked into the other."""
    return nearest(first).stat().st_dev == nearest(second).stat().st_dev


def read_places(needs: Iterable[Need], node: Path | None = None) -> tuple[Place, ...]:
    """Read the file systems. The kubelet requires free space on that of `node`."""
    node_device = nearest(node).stat().st_dev if node else None
    places = []
    for need in needs:
        there = nearest(need.path)
        status, device = os.statvfs(there), there.stat().st_dev
        kept = status.f_blocks * status.f_frsize // KUBELET_SHARE if device == node_device else 0
        places.append(
            Place(
                need,
                device,
                status.f_bavail * status.f_frsize,
                kept,
                os.access(there, os.W_OK),
                not status.f_flag & _NO_EXEC,
            )
        )
    return tuple(places)


def check(places: Iterable[Place]) -> list[Finding]:
    """Judge each file system once."""
    ordered = sorted(places, key=lambda one: one.device)
    found = []
    for _, group in groupby(ordered, key=lambda one: one.device):
        found += _one_file_system(list(group))
    return found


def _one_file_system(places: Sequence[Place]) -> list[Finding]:
    paths = ", ".join(dict.fromkeys(str(one.need.path) for one in places))
    found = [
        problem("disk", f"{one.need.path} is not writable: remount its file system, or change the "
                "directory's owner to this user")
        for one in places
        if not one.writable
    ]  # fmt: skip
    found += [
        problem("disk", f"{one.need.path} is on a file system mounted noexec, but programs run "
                "from there: remount it with exec")
        for one in places
        if one.need.program and not one.executable
    ]  # fmt: skip
    free = min(one.free for one in places)
    needed = sum(one.need.size for one in places) + max(one.kept for one in places)
    if free < needed:
        found.append(
            problem("disk", f"{_size(free)} is free for {paths}, {_size(needed)} is required for "
                    "what is missing: free some space, or use a larger file system")
        )  # fmt: skip
    return found or [ok("disk", f"{_size(free)} is free for {paths}, {_size(needed)} is required")]


def _size(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / MIB:.0f} MiB"
