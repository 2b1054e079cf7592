"""Background tasks, and the delays between retries."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator


class Background:
    """Tasks that nothing awaits. They are kept here, because the event loop does not keep them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, seconds: float = 0) -> None:
        """Wait up to this time for the tasks under way, then cancel the rest."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def backoff(first: float, most: float) -> Iterator[float]:
    """Yield the delays between retries in seconds: each is twice the one before, up to `most`."""
    delay = first
    while True:
        yield delay
        delay = min(2 * delay, most)
