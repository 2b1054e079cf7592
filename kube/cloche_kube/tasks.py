"""Tasks: a race between futures, and tasks in the background."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine


async def first_of(
    *awaitables: Awaitable[Any], seconds: float | None = None
) -> asyncio.Future[Any]:
    """Wait until one of these is done and return it; of several, the first in this order.

    A future or task belongs to the caller and is never cancelled here. Anything else, such as a
    coroutine, is run as a task of this call, which never outlives the call: what is not done yet is
    cancelled and awaited, also when the call itself is cancelled or times out. One that ends all
    the same counts as done, so that its result is not lost.

    The outcome is not looked at: the caller gets a result or an exception from the returned future.
    Outcomes of the others are dropped.

    Raises:
        TimeoutError: none is done within `seconds`.
    """
    futures = [asyncio.ensure_future(one) for one in awaitables]
    own = [new for new, one in zip(futures, awaitables, strict=True) if new is not one]
    try:
        await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if late := [task for task in own if not task.done()]:
            for task in late:
                task.cancel()
            await asyncio.wait(late)
    for one in futures:
        if one.done() and not (one in late and one.cancelled()):
            return one
    raise TimeoutError


class Background:
    """Tasks that nothing awaits. They are kept here, because the event loop does not keep them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Cancel all tasks, without waiting for their end."""
        for task in self._tasks:
            task.cancel()

    async def close(self, seconds: float = 0) -> None:
        """Wait up to this time for the tasks under way, then cancel the rest."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
