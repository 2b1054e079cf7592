"""Wait for an expected event, with a condition and a deadline instead of a pause."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")
_PAUSE_SECONDS = 0.1
_ASYNC_PAUSE_SECONDS = 0.02


def until(
    condition: Callable[[], T | None], what: str, seconds: float, pause: float = _PAUSE_SECONDS
) -> T:
    """Return the condition's value as soon as it is true; fail the test at the deadline.

    Args:
        condition: is tried every `pause` seconds.
        what: what the condition waits for, for the message of the failure.
        seconds: the time until the deadline.
        pause: less for a condition that may hold for a moment only.
    """
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        _check(deadline, what, seconds)
        time.sleep(pause)


async def eventually(
    condition: Callable[[], Awaitable[Any]] | Callable[[], Any], what: str, seconds: float = 20.0
) -> Any:
    """Like `until`, for a condition in the event loop, which may be a coroutine function."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        _check(deadline, what, seconds)
        await asyncio.sleep(_ASYNC_PAUSE_SECONDS)


def _check(deadline: float, what: str, seconds: float) -> None:
    if time.monotonic() > deadline:
        raise AssertionError(f"timed out after {seconds:g} s while waiting for {what}")


async def settled() -> None:
    """Let every task run that can."""
    for _ in range(10):
        await asyncio.sleep(0)
