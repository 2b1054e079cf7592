"""Read facts about this machine that do not depend on the cluster. Nothing is changed."""

from __future__ import annotations

import os
import platform
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from cloche_cluster.machine.facts import available_memory


@dataclass(frozen=True)
class Host:
    """Facts that matter for every kind of cluster.

    `architecture` is uname's; `null_mode` and `null_number` are mode and device number of
    /dev/null, both None if the file does not exist.
    """

    system: str
    root: bool
    architecture: str
    python: tuple[int, int]
    null_mode: int | None
    null_number: tuple[int, int] | None


@dataclass(frozen=True)
class Memory:
    """Bytes of memory: total, and available to programs (MemAvailable)."""

    total: int
    available: int


def read_host(null: Path = Path(os.devnull)) -> Host:
    """Read the facts about this machine."""
    try:
        status = null.stat()
    except OSError:
        status = None
    number = status and (os.major(status.st_rdev), os.minor(status.st_rdev))
    return Host(
        system=os.uname().sysname,
        root=os.geteuid() == 0,
        architecture=platform.machine(),
        python=(sys.version_info.major, sys.version_info.minor),
        null_mode=status.st_mode if status else None,
        null_number=number if status and stat.S_ISCHR(status.st_mode) else None,
    )


def read_memory() -> Memory:
    """Read the amount of memory from the kernel."""
    return Memory(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), available_memory())
