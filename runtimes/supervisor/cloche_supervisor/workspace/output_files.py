"""Read output files from the workspace without following links."""

from __future__ import annotations

import binascii
import fnmatch
import json
import os
import stat
import time

from cloche_supervisor.workspace.safe_open import DIRECTORY

FILES_MAX = 1024
OMITTED_MAX = 100
"""Files that are named because they were left out (filesOmitted in the resource)."""
_OMITTED_BYTES = 8192  # of their names as JSON
_ENTRIES_MAX = 20_000  # directory entries examined; a program may have created millions
_DEPTH_MAX = 32
PATH_CHARACTERS_MAX = 4096  # of OutputFile.path in cloche_api/resources/execution_status.py
_WILD = frozenset("*?[")
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_encode = json.JSONEncoder(ensure_ascii=False).encode


class Collected:
    """The files found (sorted by path, base64), and whether a matching file is missing.

    `omitted` names missing files with their sizes, as far as their number and names are bounded.
    """

    def __init__(self, limit: int) -> None:
        self.limit = self.left = limit
        self.files: list[dict[str, str]] = []
        self.truncated = False
        self.omitted: list[dict[str, object]] = []
        self._names_left = _OMITTED_BYTES

    def omit(self, path: str, size: int, reason: str) -> None:
        """Flag a file as missing, and name it if there is room."""
        self.truncated = True
        cost = len(_encode(path).encode())
        if len(self.omitted) < OMITTED_MAX and cost <= self._names_left:
            self._names_left -= cost
            self.omitted.append({"path": path, "size": size, "reason": reason})


def collect(workspace: str, patterns: tuple[str, ...], *, limit: int, deadline: float) -> Collected:
    """Return the regular files that match any of the patterns.

    A pattern is matched part by part: `*`, `?` and `[…]` within a name, where they do not match a
    leading dot; `**` matches any number of directories.

    Contents and JSON-encoded paths together take at most `limit` bytes. A file that does not fit is
    left out, and a smaller one after it may still fit. A path of more than 4096 characters is left
    out too. The search ends at the deadline (monotonic clock), after 20,000 entries, and at a depth
    of 32 directories. What it finds never makes it raise.
    """
    found = Collected(limit)
    try:
        root = os.open(workspace, DIRECTORY)
    except OSError:
        found.truncated = True
        return found
    try:
        search = Search(deadline)
        for pattern in patterns:
            search.match(root, "", parts_of(pattern), 0)
        found.truncated = search.cut_short
        for path in sorted(search.paths):
            _add(root, path, found)
    finally:
        os.close(root)
    return found


def parts_of(pattern: str) -> list[str]:
    """Split the pattern; merge consecutive `**` parts, which would multiply the recursion."""
    parts: list[str] = []
    for part in pattern.split("/"):
        if part != "**" or parts[-1:] != ["**"]:
            parts.append(part)
    return parts


class Search:
    """The paths that match patterns, found within the limits of entries, depth and time."""

    def __init__(self, deadline: float) -> None:
        self.paths: set[str] = set()
        self.cut_short = False
        self._deadline = deadline
        self._entries = 0

    def match(self, where: int, prefix: str, parts: list[str], depth: int) -> None:
        """Add the paths below an open directory that match the remaining parts of a pattern."""
        part, rest = parts[0], parts[1:]
        if part == "**":
            # `**` matches no directory at all, or one more directory with the same pattern.
            self.match(where, prefix, rest or ["*"], depth)
        for name, is_directory in self._entries_of(where, part):
            if part == "**":
                if is_directory and not name.startswith("."):
                    self._descend(where, prefix, name, parts, depth)
            elif _matches(name, part):
                if rest and is_directory:
                    self._descend(where, prefix, name, rest, depth)
                elif not rest and not is_directory:
                    self.paths.add(prefix + name)

    def _descend(self, where: int, prefix: str, name: str, parts: list[str], depth: int) -> None:
        if depth >= _DEPTH_MAX:
            self.cut_short = True
            return
        try:
            inner = os.open(name, DIRECTORY, dir_fd=where)
        except OSError:  # not readable
            return
        try:
            self.match(inner, f"{prefix}{name}/", parts, depth + 1)
        finally:
            os.close(inner)

    def _entries_of(self, where: int, part: str) -> list[tuple[str, bool]]:
        """Return the names in a directory that may match, and whether each is a directory."""
        if _WILD.isdisjoint(part):  # The directory may have more names than are examined.
            return self._entry(part, where)
        entries = []
        with os.scandir(where) as listing:
            for entry in listing:
                self._entries += 1
                if self._entries > _ENTRIES_MAX or time.monotonic() > self._deadline:
                    self.cut_short = True
                    break
                entries.append((entry.name, entry.is_dir(follow_symlinks=False)))
        return entries

    def _entry(self, name: str, where: int) -> list[tuple[str, bool]]:
        self._entries += 1
        if self._entries > _ENTRIES_MAX or time.monotonic() > self._deadline:
            self.cut_short = True
            return []
        try:
            mode = os.stat(name, dir_fd=where, follow_symlinks=False).st_mode
        except OSError:  # there is none
            return []
        return [(name, stat.S_ISDIR(mode))]


def _matches(name: str, pattern: str) -> bool:
    if name.startswith(".") and not pattern.startswith("."):
        return False
    return fnmatch.fnmatchcase(name, pattern)


def _add(root: int, path: str, found: Collected) -> None:
    """Add a file, or flag it as missing."""
    try:
        fd = _open(root, path)
    except OSError:  # removed, a link, or not readable
        return
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return
        shown = os.fsencode(path).decode(errors="replace")
        cost = len(_encode(shown).encode())
        if (reason := _obstacle(path, shown, cost + status.st_size, found)) is not None:
            found.omit(shown[:PATH_CHARACTERS_MAX], status.st_size, reason)
            return
        with open(fd, "rb", closefd=False) as file:
            content = file.read(found.left - cost)
    finally:
        os.close(fd)
    found.left -= cost + len(content)
    text = binascii.b2a_base64(content, newline=False).decode()
    found.files.append({"path": path, "base64": text})


def _obstacle(path: str, shown: str, cost: int, found: Collected) -> str | None:
    """Return why a file cannot be returned, in the words of the resource, or None."""
    if shown != path:
        return "NameNotUTF8"
    if len(path) > PATH_CHARACTERS_MAX:
        return "PathTooLong"
    if len(found.files) >= FILES_MAX:
        return "TooMany"
    if cost > found.limit:
        return "TooLarge"
    return "NoSpaceLeft" if cost > found.left else None


def _open(root: int, path: str) -> int:
    *directories, name = path.split("/")
    where = os.dup(root)
    try:
        for part in directories:
            inner = os.open(part, DIRECTORY, dir_fd=where)
            os.close(where)
            where = inner
        return os.open(name, _FILE, dir_fd=where)
    finally:
        os.close(where)
