"""Write, list and remove files of the workspace without a program, and without following links.

No program runs meanwhile, so nothing changes between the look at a name and its use. Unlike the
files of a program, a file that is written here never replaces a directory, and nothing is lost if
there is no space for it.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import time

from cloche_supervisor.workspace.output_files import PATH_CHARACTERS_MAX, Search, parts_of
from cloche_supervisor.workspace.safe_open import DIRECTORY, open_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_supervisor.protocol.frame import File

LISTED_MAX = 1000
"""Files that are listed (LISTED_FILES_ENTRIES of the resource)."""
_NAMES_BYTES = 128 * 1024  # of their paths as JSON
_LATEST = 253_402_300_799  # the end of the year 9999, where RFC 3339 ends
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = {errno.ENOSPC, errno.EDQUOT}

_encode = json.JSONEncoder(ensure_ascii=False).encode


class Listing:
    """Files with their sizes and times (Unix, in seconds), and whether some are missing."""

    def __init__(self) -> None:
        self.files: list[dict[str, object]] = []
        self.truncated = False
        self._names_left = _NAMES_BYTES

    def add(self, path: str, status: os.stat_result) -> bool:
        """Add a file and return True, or flag it as missing if there is no room."""
        shown = os.fsencode(path).decode(errors="replace")
        cost = len(_encode(shown).encode())
        if (
            len(self.files) >= LISTED_MAX
            or cost > self._names_left
            or len(shown) > PATH_CHARACTERS_MAX
        ):
            self.truncated = True
            return False
        self._names_left -= cost
        modified = min(max(round(status.st_mtime, 3), 0), _LATEST)
        self.files.append({"path": shown, "size": status.st_size, "modified": modified})
        return True


def write(workspace: str, files: Iterable[File], listing: Listing) -> str | None:
    """Write files and list them. Return None, or which one cannot be written and why.

    The files before that one are written. The file that one would replace is then unchanged.
    """
    path = ""
    root = os.open(workspace, DIRECTORY)
    try:
        for file in files:
            path = file.path
            listing.add(path, _put(root, file))
    except OSError as error:
        why = "the working directory is full" if error.errno in _FULL else error.strerror
        return f"{path}: {why}"
    finally:
        os.close(root)
    return None


def find(
    workspace: str, patterns: Iterable[str], listing: Listing, *, deadline: float, remove: bool
) -> None:
    """List the regular files that match any of the patterns, and remove them if asked to.

    The search is that of output files, with its limits. A file that cannot be removed, or that the
    list has no room for, stays, and the list is flagged as truncated.
    """
    root = os.open(workspace, DIRECTORY)
    try:
        search = Search(deadline)
        for pattern in patterns:
            search.match(root, "", parts_of(pattern), 0)
        listing.truncated = search.cut_short
        for path in sorted(search.paths):
            if time.monotonic() > deadline:
                listing.truncated = True
                return
            try:
                _list(root, path, listing, remove=remove)
            except OSError:  # not readable, or a directory in which nothing can be removed
                listing.truncated = True
    finally:
        os.close(root)


def _list(root: int, path: str, listing: Listing, *, remove: bool) -> None:
    *directories, name = path.split("/")
    where = os.dup(root)
    try:
        for part in directories:
            # What is removed may be in a directory that the program has made read-only.
            inner = (
                open_directory(part, where) if remove else os.open(part, DIRECTORY, dir_fd=where)
            )
            os.close(where)
            where = inner
        status = os.stat(name, dir_fd=where, follow_symlinks=False)
        if stat.S_ISREG(status.st_mode) and listing.add(path, status) and remove:
            try:
                os.unlink(name, dir_fd=where)
            except OSError:
                listing.files.pop()
                raise
    finally:
        os.close(where)


def _put(root: int, file: File) -> os.stat_result:
    *directories, name = file.path.split("/")
    where = os.dup(root)
    try:
        for part in directories:
            inner = _open_or_create(part, where)
            os.close(where)
            where = inner
        temporary = f".{os.urandom(8).hex()}"
        fd = os.open(temporary, _NEW_FILE, 0o644, dir_fd=where)
        try:
            with open(fd, "wb", buffering=0) as out:
                left = memoryview(file.content)
                while left:
                    left = left[out.write(left) :]
            os.rename(temporary, name, src_dir_fd=where, dst_dir_fd=where)
        except BaseException:
            os.unlink(temporary, dir_fd=where)
            raise
        return os.stat(name, dir_fd=where, follow_symlinks=False)
    finally:
        os.close(where)


def _open_or_create(name: str, where: int) -> int:
    """Open a directory, and create it if there is nothing of that name."""
    try:
        os.mkdir(name, 0o755, dir_fd=where)
    except FileExistsError:
        pass
    return open_directory(name, where)
