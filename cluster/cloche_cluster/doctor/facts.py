"""What this machine is, whatever the cluster: read in one place, changed by nothing here."""

from __future__ import annotations

import os
import platform
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from cloche_cluster.embedded.machine import available_memory


@dataclass(frozen=True)
class Machine:
    """The facts that every kind of cluster depends on.

    `architecture` is uname's; `null_mode` and `null_number` are the mode and the device number of
    /dev/null, both None where there is no such file.
    """

    system: str
    root: bool
    architecture: str
    python: tuple[int, int]
    null_mode: int | None
    null_number: tuple[int, int] | None


@dataclass(frozen=True)
class Memory:
    """Bytes of memory: all, and what programs could still get (MemAvailable)."""

    total: int
    available: int


def read_machine(null: Path = Path(os.devnull)) -> Machine:
    """Look at this machine."""
    try:
        status = null.stat()
    except OSError:
        status = None
    number = status and (os.major(status.st_rdev), os.minor(status.st_rdev))
    return Machine(
        system=os.uname().sysname,
        root=os.geteuid() == 0,
        architecture=platform.machine(),
        python=(sys.version_info.major, sys.version_info.minor),
        null_mode=status.st_mode if status else None,
        null_number=number if status and stat.S_ISCHR(status.st_mode) else None,
    )


def read_memory() -> Memory:
    """Ask the kernel."""
    return Memory(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), available_memory())
