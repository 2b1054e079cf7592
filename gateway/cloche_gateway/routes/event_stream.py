"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic_core import to_json
from starlette.responses import Response

from cloche_gateway.http.request import gone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import Receive, Scope, Send

    from cloche_gateway.services.output_events import Event

_HEADERS = {"X-Accel-Buffering": "no"}  # prevents nginx from buffering the events


class EventStream(Response):
    """A response that sends each event as soon as it is available.

    For None it sends a comment, which prevents proxies from closing an idle connection. The
    generator is closed when the response ends.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[Event | None, None]) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        """Send events until the stream ends or the client disconnects.

        The server disconnects a client that does not read (`http.connections`), which also ends the
        stream.
        """
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
            await self._events.aclose()

    async def _send(self, send: Send) -> None:
        async for event in self._events:
            body = b": so far nothing new\n\n" if event is None else _wire(event)
            await send({"type": "http.response.body", "body": body, "more_body": True})
            # The second send waits until the client has taken this event. Only then is the next one
            # built, because an event that waits here is not charged to the memory budget.
            del event, body
            await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _wire(event: Event) -> bytes:
    """Return the bytes of an event. One `data` line suffices: the JSON has no line breaks."""
    head = f"id: {event.id}\nevent: {event.kind}\ndata: ".encode()
    return head + to_json(event.data) + b"\n\n"
