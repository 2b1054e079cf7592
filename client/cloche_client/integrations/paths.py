"""Paths of a sandbox as frameworks write them: absolute, or relative to the working directory."""

from __future__ import annotations

import posixpath

_HOMES = ("/workspace", "/mnt/data", "/home/user")
"""Names of the working directory (docs/user/api.md)."""


def relative(path: str) -> str | None:
    """Return a path relative to the working directory, None if it is not below it or /tmp."""
    whole = posixpath.normpath(posixpath.join(_HOMES[0], path))
    for home in _HOMES:
        if whole.startswith(f"{home}/"):
            return whole.removeprefix(f"{home}/")
    return f".{whole[1:]}" if whole.startswith("/tmp/") else None  # noqa: S108  the program's, not ours
