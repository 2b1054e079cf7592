"""Directories opened without following a link."""

from __future__ import annotations

import os
import stat

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OURS = stat.S_IRWXU


def open_directory(name: str, where: int) -> int:
    """Open a directory in another, made ours to list and to change if it is not.

    Safe only while no program runs: one could put a link in its place meanwhile.

    Raises:
        NotADirectoryError: it is something else, a link for instance.
    """
    mode = os.stat(name, dir_fd=where, follow_symlinks=False).st_mode
    if stat.S_ISDIR(mode) and mode & _OURS != _OURS:
        os.chmod(name, stat.S_IMODE(mode) | _OURS, dir_fd=where)
    return os.open(name, DIRECTORY, dir_fd=where)
