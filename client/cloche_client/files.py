"""Files on this machine: those to send with a program, and those that a program left."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cloche_client.errors import UnsafePathError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cloche_client.models import OutputFile

    Files = Mapping[str, str | bytes | Path] | Iterable[str | Path]

MOST_BYTES = 512 * 1024
"""Bytes of all input files of a request (docs/user/api.md)."""
MOST_FILES = 64
_FORBIDDEN = frozenset('\\:*?"<>|')
"""Characters that Windows gives a meaning in names."""


def read_files(files: Files) -> dict[str, bytes]:
    """Return the contents of files by their path in the program's working directory.

    Args:
        files: contents by path, where a `Path` is read from this machine; or paths of files and
            directories on this machine. A relative path keeps its directories, an absolute one
            only its name. A directory is read with everything below it, except links.

    Raises:
        UnsafePathError: a file cannot be read, or there is too much for one request.
    """
    found: dict[str, bytes] = {}
    room = MOST_BYTES

    def add(path: str, content: bytes) -> None:
        nonlocal room
        room -= len(content)
        found[path] = content
        if room < 0 or len(found) > MOST_FILES:
            raise UnsafePathError(
                f"The input files exceed {MOST_FILES} files or {MOST_BYTES // 1024} KiB, the most "
                "that one request may have."
            )

    if hasattr(files, "items"):
        for path, content in files.items():
            if isinstance(content, Path):
                add(path, _read(content, room))
            else:
                add(path, content.encode() if isinstance(content, str) else content)
        return found
    for one in files:
        local = Path(one)
        target = PurePosixPath(_remote(local))
        for inside in _below(local):
            add(str(target / inside.relative_to(local).as_posix()), _read(inside, room))
    return found


def save_files(
    files: Iterable[OutputFile], folder: str | Path = ".", *, overwrite: bool = False
) -> list[Path]:
    """Write the files that a program left below a folder, and return their paths.

    The program chose the names. So a name never leads out of the folder, through a link, or to a
    hidden file in the folder itself; and an existing file is kept unless `overwrite` is true. The
    leading slash of `/tmp/…` is left out.

    Raises:
        UnsafePathError: a file must not or cannot be written. Those before it have been written.
    """
    return [save_file(one, folder, overwrite=overwrite) for one in files]


def save_file(file: OutputFile, folder: str | Path = ".", *, overwrite: bool = False) -> Path:
    """Write one file as `save_files` does, and return its path."""
    parts = _parts(file.path)
    root = Path(folder)
    try:
        directory = root
        directory.mkdir(parents=True, exist_ok=True)
        for part in parts[:-1]:
            directory /= part
            directory.mkdir(exist_ok=True)
            if stat.S_ISLNK(directory.lstat().st_mode):
                raise UnsafePathError(f"{directory} is a link, so nothing is written below it.")
        path = directory / parts[-1]
        _write(path, file.content, overwrite=overwrite)
    except FileExistsError:
        raise UnsafePathError(
            f"{root.joinpath(*parts)} exists already and is kept. Remove it, or allow that it is "
            "overwritten."
        ) from None
    except OSError as error:
        raise UnsafePathError(
            f"{root.joinpath(*parts)} cannot be written: {error.strerror or error}."
        ) from None
    return path


def _parts(path: str) -> list[str]:
    """Return the parts of a path that a program chose. Raises UnsafePathError."""
    parts = path.removeprefix("/").split("/")
    wrong = not path.strip() or any(
        part in {"", ".", ".."}
        or part != part.strip()
        or any(char in _FORBIDDEN or not char.isprintable() for char in part)
        for part in parts
    )
    if wrong or (path.startswith("/") and parts[0] != "tmp"):
        raise UnsafePathError(f"The program's file {path!r} is not written: its path is not safe.")
    if parts[0].startswith(".") and parts[0] != ".tmp":
        raise UnsafePathError(f"The program's file {path!r} is not written: it would be hidden.")
    return parts


def _write(path: Path, content: bytes, *, overwrite: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    flags |= os.O_TRUNC if overwrite else os.O_EXCL
    # Not blocked by a named pipe of that name.
    flags |= getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags, 0o666), "wb") as file:
        file.write(content)


def _remote(local: Path) -> str:
    """Return where a file or directory of this machine is put in the working directory."""
    if local.is_absolute() or ".." in local.parts:
        return local.resolve().name
    return local.as_posix() if local != Path() else ""


def _below(local: Path) -> list[Path]:
    """Return the files of a directory, or the file itself."""
    if not local.is_dir():
        return [local]
    found = []
    for folder, directories, names in os.walk(local):
        directories.sort()
        paths = (Path(folder, name) for name in sorted(names))
        found += [path for path in paths if path.is_file() and not path.is_symlink()]
        if len(found) > MOST_FILES:
            break
    return found


def _read(path: Path, most: int) -> bytes:
    """Return a file, and one byte too many of a longer one. Raises UnsafePathError."""
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnsafePathError(f"{path} is not a regular file.")
            return file.read(max(most, 0) + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UnsafePathError(f"{path} cannot be read: {why}.") from None
