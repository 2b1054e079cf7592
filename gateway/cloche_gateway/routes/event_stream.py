"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from pydantic_core import to_json

from cloche_gateway.http.request import gone
from cloche_kube.tasks import first_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import Receive, Scope, Send

    from cloche_gateway.services.output_events import Event

_HEADERS = {"X-Accel-Buffering": "no"}  # prevents nginx from buffering the events


class PartStream(EventSourceResponse):
    """A response that sends each part of a stream of events as soon as it is available.

    The generator is closed when the response ends.
    """

    def __init__(self, parts: AsyncGenerator[bytes, None]) -> None:
        self._parts = parts
        super().__init__(parts, headers=_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        """Send parts until the stream ends or the client disconnects.

        The server disconnects a client that does not read (`http.connections`), which also ends the
        stream.
        """
        async with contextlib.aclosing(self._parts):
            first = await first_of(self.stream_response(send), gone(receive))
        first.result()


class EventStream(PartStream):
    """A stream of the events of an execution.

    For None it sends a comment, which prevents proxies from closing an idle connection.
    """

    def __init__(self, events: AsyncGenerator[Event | None, None]) -> None:
        super().__init__(_of_events(events))


async def _of_events(events: AsyncGenerator[Event | None, None]) -> AsyncGenerator[bytes, None]:
    async with contextlib.aclosing(events):
        async for event in events:
            yield KEEPALIVE_COMMENT if event is None else _wire(event)
            # An empty part is sent once the client has taken this event. Only then is the next one
            # built, because an event that waits here is not charged to the memory budget.
            del event
            yield b""


def _wire(event: Event) -> bytes:
    data = to_json(event.data).decode()
    return format_sse_event(id=event.id, event=event.kind, data_str=data)
