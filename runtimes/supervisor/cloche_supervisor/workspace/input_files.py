"""Write an execution's files into the workspace without following links."""

from __future__ import annotations

import errno
import os

from cloche_supervisor.protocol.wire import ProtocolError
from cloche_supervisor.workspace.safe_open import DIRECTORY, open_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_supervisor.protocol.frame import File

TEMPORARY = ".tmp"
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SAME_FILE = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = {errno.ENOSPC, errno.EDQUOT}


def prepare(workspace: str, files: Iterable[File], *, in_place: str | None = None) -> None:
    """Create the directory for temporary files and write the execution's files.

    Anything that an earlier program left in their place is removed: anything in the place of a
    file, including a directory with its contents, and anything but a directory in the place of a
    directory.

    `in_place`: the path of a file that exists and is written without being replaced.

    Raises:
        ProtocolError: a file cannot be written; the message names it and the reason.
    """
    path = TEMPORARY
    directories: set[str] = {TEMPORARY}
    put: set[str] = set()
    root = os.open(workspace, DIRECTORY)
    try:
        os.close(_open_or_create(TEMPORARY, root))
        for file in files:
            path = file.path
            above = _directories(path)
            if path in directories:
                raise _error(errno.EISDIR)
            if not put.isdisjoint(above):
                raise _error(errno.ENOTDIR)
            if path == in_place:
                _write(os.open(path, _SAME_FILE, dir_fd=root), file.content)
            else:
                _replace(root, file)
            directories.update(above)
            put.add(path)
    except OSError as error:
        why = "the working directory is full" if error.errno in _FULL else error.strerror
        raise ProtocolError(f"files: {path}: {why}") from error
    finally:
        os.close(root)


def restore(workspace: str, file: File) -> None:
    """Write one file again, replacing anything that the program has put in its place.

    Raises:
        OSError: it cannot be written.
    """
    root = os.open(workspace, DIRECTORY)
    try:
        _replace(root, file)
    finally:
        os.close(root)


def _replace(root: int, file: File) -> None:
    *directories, name = file.path.split("/")
    where = os.dup(root)
    try:
        for part in directories:
            inner = _open_or_create(part, where)
            os.close(where)
            where = inner
        try:
            os.unlink(name, dir_fd=where)
        except FileNotFoundError:
            pass
        except IsADirectoryError:
            _remove(name, where)
        _write(os.open(name, _NEW_FILE, 0o644, dir_fd=where), file.content)
    finally:
        os.close(where)


def _open_or_create(name: str, where: int) -> int:
    """Open a directory, and create it if it does not exist."""
    try:
        os.mkdir(name, 0o755, dir_fd=where)
    except FileExistsError:
        pass
    try:
        return open_directory(name, where)
    except NotADirectoryError:
        os.unlink(name, dir_fd=where)
        os.mkdir(name, 0o755, dir_fd=where)
        return open_directory(name, where)


def _remove(name: str, where: int) -> None:
    from cloche_supervisor.workspace.tree import empty  # noqa: PLC0415 - rarely needed

    inner = open_directory(name, where)
    try:
        empty(inner)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=where)


def _directories(path: str) -> set[str]:
    """Return the parent directories of a file: for a/b/c they are a and a/b."""
    parts = path.split("/")
    return {"/".join(parts[:i]) for i in range(1, len(parts))}


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _write(fd: int, content: bytes) -> None:
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(fd, left) :]
    finally:
        os.close(fd)
