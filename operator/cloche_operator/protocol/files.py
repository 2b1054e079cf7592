"""The files in an `exit` event (docs/design/protocol.md): their types, and checks of any JSON."""

from __future__ import annotations

from typing import Any, TypedDict

from cloche_api import limits

_LARGEST = 2**53
"""The largest size: JSON parsers agree up to here."""
_LATEST = 253_402_300_799
"""Unix time of the last second of the year 9999, where RFC 3339 ends."""
_PATH_CHARACTERS = 4096  # of OmittedFile.path in cloche_api/resources/execution_status.py


class ReturnedFile(TypedDict):
    """A file of the working directory in an `exit` event."""

    path: str
    base64: str


class ListedFile(TypedDict):
    """A file that an action has written, found or removed. `modified` is a Unix time in seconds."""

    path: str
    size: int
    modified: float


class OmittedFile(TypedDict):
    """A file that matched, and was left out."""

    path: str
    size: int
    reason: str


def is_returned(file: Any) -> bool:
    """Return whether it is a returned file."""
    return (
        isinstance(file, dict)
        and isinstance(file.get("path"), str)
        and isinstance(file.get("base64"), str)
    )


def are_listed(files: list[Any]) -> bool:
    """Return whether they are files of an action, within the limits of a status."""
    return (
        len(files) <= limits.LISTED_FILES_ENTRIES
        and all(
            _is_named(file)
            and type(file.get("modified")) in (int, float)
            and 0 <= file["modified"] <= _LATEST
            for file in files
        )
        and sum(len(file["path"]) for file in files) <= limits.LISTED_FILES_BYTES
    )


def are_omitted(files: list[Any]) -> bool:
    """Return whether they are files that were left out, within the limits of a status."""
    return (
        len(files) <= limits.OMITTED_FILES_ENTRIES
        and all(_is_named(file) and file.get("reason") in limits.OMITTED_REASONS for file in files)
        and sum(len(file["path"]) for file in files) <= limits.OMITTED_FILES_BYTES
    )


def _is_named(file: Any) -> bool:
    """Return whether it is a file with a path and a size."""
    return (
        isinstance(file, dict)
        and isinstance(file.get("path"), str)
        and len(file["path"]) <= _PATH_CHARACTERS
        and type(file.get("size")) is int
        and 0 <= file["size"] <= _LARGEST
    )
