"""A write to an execution that is only needed if the execution takes some time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloche_operator.model.execution import Execution


class DelayedWrite:
    """A write that begins after some seconds, unless it is given up before.

    One that has begun is not given up: it may succeed, and the next write to the execution would
    then be refused and have to be repeated.
    """

    def __init__(self, seconds: float, write: Callable[[], Awaitable[Execution]]) -> None:
        self._begun = False
        self._task = asyncio.create_task(self._run(seconds, write))

    async def settled(self) -> Execution | None:
        """Give the write up, or wait for its end. Return the execution as written, if it was.

        Raises:
            Exception: what the write raises.
        """
        if not self._begun:
            self._task.cancel()
            return None
        return await asyncio.shield(self._task)

    def cancel(self) -> None:
        """Give it up even if it has begun, because nothing follows."""
        self._task.cancel()

    async def _run(self, seconds: float, write: Callable[[], Awaitable[Execution]]) -> Execution:
        await asyncio.sleep(seconds)
        self._begun = True
        return await write()
