"""A machine-wide lock that allows one `up` or `down` at a time, from any checkout."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cloche_cluster.console import Console


@contextmanager
def locked(path: Path, console: Console, what: str) -> Iterator[None]:
    """Hold the lock at `path` for the block; report and wait if another process holds it.

    `what` is written into the file, so that waiting processes can name the holder. The kernel
    releases the lock when the process ends, even in a crash. The holder may remove the file.
    """
    descriptor = _acquire(path, console)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{what} (process {os.getpid()})\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(path: Path, console: Console) -> int:
    reported = False
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not reported:
                    holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
                    console.step(f"waiting for {holder or 'another `make up` or `make down`'} …")
                    reported = True
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_current(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_current(descriptor: int, path: Path) -> bool:
    """Return whether the locked file is still the one at `path`; its holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
