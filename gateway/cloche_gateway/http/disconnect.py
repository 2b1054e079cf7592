"""Detect that the client has disconnected."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import Receive


@contextlib.asynccontextmanager
async def disconnect(request: Request) -> AsyncIterator[asyncio.Task[None]]:
    """Yield a task that is done when the client has disconnected. Read the body first."""
    task = asyncio.create_task(gone(request.receive))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def gone(receive: Receive) -> None:
    """Return when the client has disconnected. Read the body first."""
    while (await receive())["type"] != "http.disconnect":
        pass
