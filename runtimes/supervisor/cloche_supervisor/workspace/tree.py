"""Remove everything below a directory that programs have written to.

No link is followed. Memory and open descriptors stay bounded at any width and depth: names are
removed in the order in which the kernel lists them, and deep directories are moved up first. No
program may run meanwhile.
"""

from __future__ import annotations

import errno
import os

from cloche_supervisor.workspace.safe_open import open_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_DEPTH = 16
"""Maximum of open directories; each takes two descriptors and 32 KiB."""
_NOT_EMPTY = {errno.ENOTEMPTY, errno.EEXIST}


def empty(top: int, step: Callable[[], None] = lambda: None) -> None:
    """Remove the contents of an open directory, but not the directory itself.

    `step` is called before each removal and may raise to stop it.

    Raises:
        OSError: something cannot be removed.
    """
    _Tree(top, step).empty()


class _Tree:
    def __init__(self, top: int, step: Callable[[], None]) -> None:
        self._top = top
        self._step = step
        self._moved = 0
        self._token = os.urandom(8).hex()  # a prefix that no existing name can have

    def empty(self) -> None:
        while self._sweep(self._top, 0):
            pass

    def _sweep(self, where: int, depth: int) -> bool:
        """Remove what one listing shows, and return whether there was anything."""
        found = False
        with os.scandir(where) as listing:
            for entry in listing:
                found = True
                self._step()
                if entry.is_dir(follow_symlinks=False):
                    self._remove(entry.name, where, depth)
                else:
                    os.unlink(entry.name, dir_fd=where)
        return found

    def _remove(self, name: str, where: int, depth: int) -> None:
        while not _is_removed(name, where):
            inner = open_directory(name, where)
            try:
                if depth < _DEPTH:
                    self._sweep(inner, depth + 1)
                else:
                    self._move_up(inner)
            finally:
                os.close(inner)

    def _move_up(self, where: int) -> None:
        """Empty a deep directory: delete its files and move its subdirectories to the top."""
        with os.scandir(where) as listing:
            for entry in listing:
                self._step()
                if entry.is_dir(follow_symlinks=False):
                    os.close(open_directory(entry.name, where))  # moving requires u+w
                    self._moved += 1
                    place = f"{self._token}.{self._moved}"
                    os.rename(entry.name, place, src_dir_fd=where, dst_dir_fd=self._top)
                else:
                    os.unlink(entry.name, dir_fd=where)


def _is_removed(name: str, where: int) -> bool:
    """Remove a directory and return True, or False if it is not empty."""
    try:
        os.rmdir(name, dir_fd=where)
    except OSError as error:
        if error.errno in _NOT_EMPTY:
            return False
        raise
    return True
