"""Wait for an expected event, with a condition and a deadline instead of a pause."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PAUSE_SECONDS = 0.1


def until(condition: Callable[[], T | None], seconds: float, what: str) -> T:
    """Return the condition's value as soon as it is true; fail the test at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out after {seconds:g} s while waiting for {what}")
        time.sleep(_PAUSE_SECONDS)


async def settled() -> None:
    """Let every task run that can."""
    for _ in range(10):
        await asyncio.sleep(0)
