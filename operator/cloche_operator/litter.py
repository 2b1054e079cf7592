"""Garbage that must not wait: large objects that kopf has let go in circles of references.

Garbage is collected seldom, for that makes requests slow, and by a count of objects, whose size it
does not see: a few dozen of these are half of the memory.
"""

from __future__ import annotations

import gc
from typing import Any

_CHARACTER_BYTES = 4  # in a text with one character beyond U+FFFF


class Litter:
    """Collects all garbage whenever objects of so many bytes have come by."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._size = 0

    def passed(self, obj: dict[str, Any]) -> None:
        """Count an object of the API server's that was taken in and is of no more use."""
        self._size += _CHARACTER_BYTES * _characters(obj)
        if self._size >= self._bound:
            self._size = 0
            gc.collect()


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_characters, value.values()))
    if isinstance(value, list):
        return sum(map(_characters, value))
    return 0
