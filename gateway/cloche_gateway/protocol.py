"""HTTP/1.1 on one connection, with bounds that uvicorn's own protocol does not have.

Before a request's head is complete no route sees it and no key was asked for, so what anybody may
make the gateway keep or wait for is bounded here.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cloche_gateway.backlog import Backlog
from cloche_gateway.errors import BusyError
from cloche_gateway.headers import SECURITY_LINES

if TYPE_CHECKING:
    import asyncio

HEAD_BYTES = 64 * 1024
"""Of a request line and its headers, of a chunk's head, or of trailers: what the parser keeps."""
HEAD_SECONDS = 30.0
"""From the connection, or from a request's first byte, until its head is there."""
LINGER_SECONDS = 5.0
"""From an answer to the end of a body that it did not wait for: who still sends would not see the
answer of a connection that is closed at once."""
SPARE_CONNECTIONS = 64
"""Beyond the bound, on which probes and scrapers alone are served: a full gateway is not dead."""
SPARE_SECONDS = 2.0
"""For the head on one of those: who probes has it ready."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the settings say of all connections."""

    connections: int
    """How many at a time."""
    send_seconds: float
    """For a client to take `backlog.TAKEN_BYTES` of what is there for it, or all of it."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are too long or too slow, and answers nonsense in JSON like a route.

    A client that does not take its answer is let go, and so is who comes when all is full.
    """

    def __init__(self, *args: Any, bounds: Bounds, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bounds = bounds
        self._backlog: Backlog
        self._spare = False  # a connection beyond the bound
        self._kept = 0  # bytes since the parser last handed something on
        self._timer: asyncio.TimerHandle | None = None
        self._last = False  # the client wants no further request on this connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Wait for the first request, but not for ever."""
        super().connection_made(transport)
        self._backlog = Backlog(self.loop, transport, self._bounds.send_seconds)
        beyond = len(self.connections) - self._bounds.connections
        self._spare = beyond > 0
        self._expect_head()
        if beyond > SPARE_CONNECTIONS:
            self._refuse(b"503 Service Unavailable", str(BusyError()), b"retry-after: 1\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._got_head()
        self._backlog.forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and see that the parser is not made to keep too much."""
        self._kept += len(data)
        super().data_received(data)
        if self._kept > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"headers: must be at most {HEAD_BYTES // 1024} KiB")

    def on_message_begin(self) -> None:
        """Give the head its time."""
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Have the head; the body's time and size are the route's to bound."""
        self._kept = 0
        self._got_head()
        self.scope["cloche.spare"] = self._spare  # type: ignore[typeddict-unknown-key]  # our own
        super().on_headers_complete()
        if self.cycle is not None:
            # uvicorn would close with the answer, which resets a connection that has more to read.
            self._last = self._spare or not self.cycle.keep_alive
            self.cycle.keep_alive = True

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body on."""
        self._kept = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Have the whole request."""
        self._kept = 0
        self._got_head()
        super().on_message_complete()
        if self._last and self.cycle.response_complete:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Read on, and forget, what still comes of a body that was refused, but not for ever."""
        super().on_response_complete()
        if not self.flow.write_paused:
            self._backlog.begin()
        if not self.cycle.response_complete:
            return  # of the next request, which had been sent already
        if self.cycle.more_body:
            self._got_head()
            self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)
        elif self._last:
            self.transport.close()

    def pause_writing(self) -> None:
        """Stop writing, and see that the client takes what is there."""
        super().pause_writing()
        self._backlog.begin()

    def resume_writing(self) -> None:
        """Write on. Of an answer that is complete the rest is still to be taken."""
        super().resume_writing()
        self._backlog.forget()
        if self.transport.is_closing() or self.cycle is None or self.cycle.response_complete:
            self._backlog.begin()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request and end the connection."""
        self._refuse(b"400 Bad Request", msg.rstrip("."))

    def _refuse(self, status: bytes, detail: str, lines: bytes = b"") -> None:
        body = json.dumps({"detail": detail}).encode()
        head = (
            b"content-type: application/json\r\n"
            b"content-length: %d\r\n"
            b"x-request-id: %s\r\n"
            b"connection: close\r\n" % (len(body), str(uuid.uuid4()).encode())
        )
        answer = (b"HTTP/1.1 ", status, b"\r\n", head, lines, SECURITY_LINES, b"\r\n", body)
        self.transport.write(b"".join(answer))
        self._backlog.begin()
        self.transport.close()

    def _expect_head(self) -> None:
        self._got_head()
        seconds = SPARE_SECONDS if self._spare else HEAD_SECONDS
        self._timer = self.loop.call_later(seconds, self._late, seconds)

    def _got_head(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self, seconds: float) -> None:
        if not self.transport.is_closing():
            self.send_400_response(f"headers: did not arrive within {seconds:g} seconds")
