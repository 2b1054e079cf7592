"""The checkout, the user's cache, and atomic writes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
"""The checkout that this program runs from."""


def user_cache() -> Path:
    """Return the cache directory of a user other than root."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "cloche"


def write_private(path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)


def write_if_changed(path: Path, text: str, mode: int = 0o644) -> None:
    """Write `text` to `path` atomically, if the content differs."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as temporary:
        temporary.write(text)
    os.chmod(temporary.name, mode)  # noqa: PTH101
    Path(temporary.name).replace(path)
