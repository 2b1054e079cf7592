"""Read processes from /proc: their arguments, descendants and sockets."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_DESCRIBED = 80
"""Maximum characters of a command line in a description."""


@dataclass(frozen=True)
class Process:
    """A process as in /proc; a kernel thread has neither executable nor arguments."""

    pid: int
    executable: str
    arguments: tuple[str, ...]


def read_processes() -> list[Process]:
    """Read all processes that have an executable, without the present one."""
    found = []
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit() or int(directory.name) == os.getpid():
            continue
        pid = int(directory.name)
        try:
            executable = os.readlink(directory / "exe")  # noqa: PTH115
        except OSError:
            continue
        found.append(Process(pid, executable, arguments(pid)))
    return found


def arguments(pid: int) -> tuple[str, ...]:
    """Return a process's arguments; empty if it has ended or is a kernel thread."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ()
    return tuple(text.split("\0")[:-1])


def describe(pid: int | None) -> str:
    """Describe a process by its id and command line."""
    if pid is None:
        return "an unknown process"
    command = re.sub(r" +", " ", " ".join(arguments(pid))).strip()
    return f"process {pid} ({command[:_DESCRIBED]})" if command else f"process {pid}"


def descendants(root: int, session: int) -> list[int]:
    """Return the ids of all processes of `session` that descend from `root`."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # proc_pid_stat(5): pid (name) state ppid pgrp session …; the name may contain anything.
            head, _, rest = status.read_text(errors="replace").rpartition(")")
            fields = rest.split()
            if int(fields[3]) == session:
                children.setdefault(int(fields[1]), []).append(int(head.split()[0]))
    found: list[int] = []
    left = [root]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def socket_owners(inodes: Iterable[str]) -> dict[str, int]:
    """Return a process that has each of these sockets open, from one pass over all processes."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, int] = {}
    for process in Path("/proc").glob("[0-9]*") if wanted else ():
        try:
            for descriptor in os.listdir(process / "fd"):  # noqa: PTH208  there are thousands
                inode = wanted.get(os.readlink(f"{process}/fd/{descriptor}"))  # noqa: PTH115
                if inode:
                    found.setdefault(inode, int(process.name))
        except OSError:
            continue
        if len(found) == len(wanted):
            break
    return found
