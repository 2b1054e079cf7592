"""Is there room for what will be built and fetched, and may it be written and run there?"""

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
"""Linux alone has it."""

KUBELET_SHARE = 100
"""The kubelet evicts Pods while less than one part in so many is free (see node_config)."""


@dataclass(frozen=True)
class Need:
    """Bytes that will be written below a directory, which need not be there yet."""

    path: Path
    size: int
    program: bool = False


@dataclass(frozen=True)
class Place:
    """A need with the file system that it falls on: its number, its free bytes, its flags.

    `kept` are bytes that must stay free there whatever is written.
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
    """Say whether files of the one directory can be linked into the other."""
    return nearest(first).stat().st_dev == nearest(second).stat().st_dev


def read_places(needs: Iterable[Need], node: Path | None = None) -> tuple[Place, ...]:
    """Look at the file systems. On that of `node` the kubelet wants a part to stay free."""
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
        problem("disk", f"{one.need.path} cannot be written: remount its file system writable, or "
                "give it to this user")
        for one in places
        if not one.writable
    ]  # fmt: skip
    found += [
        problem("disk", f"{one.need.path} is on a file system mounted noexec, and programs run "
                "from there: remount it exec")
        for one in places
        if one.need.program and not one.executable
    ]  # fmt: skip
    free = min(one.free for one in places)
    needed = sum(one.need.size for one in places) + max(one.kept for one in places)
    if free < needed:
        found.append(
            problem("disk", f"{_size(free)} are free for {paths}, {_size(needed)} are needed for "
                    "what is not there yet: free the rest, or put these on a larger file system")
        )  # fmt: skip
    return found or [ok("disk", f"{_size(free)} are free for {paths}, {_size(needed)} are needed")]


def _size(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / MIB:.0f} MiB"
