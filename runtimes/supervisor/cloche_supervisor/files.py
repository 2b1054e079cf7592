"""Files put into the workspace, without following any link in it."""

from __future__ import annotations

import errno
import os

from cloche_supervisor.wire import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_supervisor.frame import File

TEMPORARY = ".tmp"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = {errno.ENOSPC, errno.EDQUOT}


def prepare(workspace: str, files: Iterable[File]) -> None:
    """Make the directory for temporary files and put the execution's files in.

    Raises:
        ProtocolError: a file cannot be put there; it is named, and why.
    """
    root = os.open(workspace, _DIRECTORY)
    try:
        _make_directory(TEMPORARY, root)
        for file in files:
            try:
                _put(root, file)
            except OSError as error:
                why = "the working directory is full" if error.errno in _FULL else error.strerror
                raise ProtocolError(f"files: {file.path}: {why}") from error
    finally:
        os.close(root)


def put_again(workspace: str, file: File) -> None:
    """Put one file in afresh, in the place of whatever the program has made of it.

    Raises:
        OSError: it cannot be put there.
    """
    root = os.open(workspace, _DIRECTORY)
    try:
        _put(root, file)
    finally:
        os.close(root)


def _put(root: int, file: File) -> None:
    *directories, name = file.path.split("/")
    where = os.dup(root)
    try:
        for part in directories:
            _make_directory(part, where)
            inner = os.open(part, _DIRECTORY, dir_fd=where)
            os.close(where)
            where = inner
        try:
            os.unlink(name, dir_fd=where)
        except FileNotFoundError:
            pass
        _write(os.open(name, _NEW_FILE, 0o644, dir_fd=where), file.content)
    finally:
        os.close(where)


def _make_directory(name: str, where: int) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=where)
    except FileExistsError:
        pass  # if it is no directory, opening it says so


def _write(fd: int, content: bytes) -> None:
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(fd, left) :]
    finally:
        os.close(fd)
