"""An execution that goes on without the client."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_client.core import answers, flows
from cloche_client.core.feed import SILENCE_SECONDS, Feed
from cloche_client.errors import ClocheError, ConnectionFailedError
from cloche_client.events import Exit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cloche_client.asynchronous.driver import Driver
    from cloche_client.events import Event
    from cloche_client.models import ExecutionState, Program, Result


@dataclass(frozen=True, slots=True)
class AsyncExecution:
    """An execution. All methods raise ClocheError, NotFoundError if there is none with this id."""

    _driver: Driver
    id: str

    async def state(self) -> ExecutionState:
        """Return its state now."""
        return await self._driver.drive(flows.state(self.id, self._driver.retry))

    async def wait(self, timeout: float | None = None) -> Result:  # noqa: ASYNC109  of the server
        """Return the result once it has ended. Raises as `AsyncClient.run`.

        Raises:
            WaitTimeoutError: it has not ended after `timeout` seconds.
        """
        flow = flows.waited(self.id, self._driver.retry, timeout)
        return answers.outcome(await self._driver.drive(flow))

    async def events(self, *, silence: float | None = None) -> AsyncGenerator[Event, None]:
        """Yield its events from the first one on. The last one is Exit.

        Args:
            silence: end without an exception after so many seconds without an event.
        """
        feed = Feed(self.id, self._driver.retry, silence or SILENCE_SECONDS)
        while not feed.done:
            if feed.pause:
                await asyncio.sleep(feed.pause)
            try:
                async with self._driver.transport.open(feed.request()) as opened:
                    if opened.status != 200:  # noqa: PLR2004
                        feed.refused(await opened.reply())
                        continue
                    async for chunk in opened.chunks():
                        for event in feed.take(chunk):
                            yield event
                        if feed.done:
                            return
                    feed.closed()
            except ConnectionFailedError as error:
                if silence is not None and error.sent:
                    return
                feed.lost(error)

    async def cancel(self) -> ExecutionState:
        """Cancel it, and return its state, which may still be `running`."""
        return await self._driver.drive(flows.cancel(self.id, self._driver.retry))

    async def remove(self) -> None:
        """Remove its record. Raises ConflictError if it has not ended."""
        await self._driver.drive(flows.remove(self.id, self._driver.retry))


async def submit(driver: Driver, program: Program) -> AsyncExecution:
    """Start a program, and return its execution. Raises ClocheError."""
    state = await driver.submit(program)
    return AsyncExecution(driver, state.execution_id)


async def stream(driver: Driver, program: Program) -> AsyncGenerator[Event, None]:
    """Run a program and yield its events. It is cancelled if the caller stops before the end."""
    execution = await submit(driver, program)
    ended = False
    try:
        async with contextlib.aclosing(execution.events()) as events:
            async for event in events:
                ended = isinstance(event, Exit)
                yield event
    finally:
        if not ended:
            with contextlib.suppress(ClocheError):
                await execution.cancel()
