"""Open directories without following links."""

from __future__ import annotations

import os
import stat

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OURS = stat.S_IRWXU


def open_directory(name: str, where: int) -> int:
    """Open a directory inside another; add the owner's permissions (u+rwx) if any is missing.

    Call this only while no program is running: a program could replace the directory with a link.

    Raises:
        NotADirectoryError: the entry is not a directory, for example a link.
    """
    mode = os.stat(name, dir_fd=where, follow_symlinks=False).st_mode
    if stat.S_ISDIR(mode) and mode & _OURS != _OURS:
        os.chmod(name, stat.S_IMODE(mode) | _OURS, dir_fd=where)
    return os.open(name, DIRECTORY, dir_fd=where)
