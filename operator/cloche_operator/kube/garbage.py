"""Garbage collection for large objects that kopf leaves behind in reference cycles.

Python collects garbage rarely here, because a collection delays requests, and it counts objects and
not their size. A few dozen of these objects take half of the memory.
"""

from __future__ import annotations

import gc
from typing import Any

_CHARACTER_BYTES = 4  # in a text with one character beyond U+FFFF


class Litter:
    """Collects all garbage each time that objects of `bound` bytes have been processed."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._size = 0

    def passed(self, obj: dict[str, Any]) -> None:
        """Count an API object that was processed and is no longer needed."""
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
