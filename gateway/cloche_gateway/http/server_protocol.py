"""HTTP/1.1 on one connection, with limits that uvicorn's protocol does not have.

Until a request's head is complete, no route sees it, and its API key cannot be checked. So this
module limits what a client without a key can make the gateway hold or wait for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cloche_gateway.errors import BusyError, OverloadedError
from cloche_gateway.http import incoming
from cloche_gateway.http.connections import SPARE_CONNECTIONS, SPARE_SECONDS, Backlog
from cloche_gateway.http.error_handlers import refusal
from cloche_gateway.http.request import RequestState, state_of
from cloche_gateway.limits.pace import Connection

if TYPE_CHECKING:
    import asyncio

    from cloche_gateway.http.connections import Bounds

LINGER_SECONDS = 5.0
"""How long the connection stays open after a response that did not wait for the request's body. If
it were closed at once, a client that is still sending would get a reset and might not see the
response."""
UNREAD_SECONDS = 1.0
"""As LINGER_SECONDS, if the rest of the body is not read. The time is only for the delivery of the
response."""
_BUSY, _LATER = b"503 Service Unavailable", b"retry-after: 1\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits.

    - Heads that are too long or too slow, and malformed requests, get an error in JSON, as from a
      route.
    - One request is parsed at a time. Pipelined requests are held, within limits.
    - A client that does not read its response is disconnected.
    - If a client connects beyond the limit of connections, an idle connection is ended for it. If
      there is none, only probes and scrapers are served on the new connection. If the spare
      connections are taken too, the client gets a 503.
    """

    def __init__(self, *args: Any, bounds: Bounds, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bounds = bounds
        self._backlog: Backlog
        self._held: incoming.Held
        self._frame = incoming.Frame()
        self._head = incoming.Head(bounds.budget)
        self._connection: Connection
        self._known = False  # whether the connection has had a valid key
        self._whole = True  # whether the last request, if any, has arrived completely
        self._timer: asyncio.TimerHandle | None = None
        self._last = False  # whether the current request is the connection's last

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Start the time limit for the first head, and enforce the limit of connections."""
        super().connection_made(transport)
        bounds = self._bounds
        self._backlog = Backlog(self.loop, transport, bounds.send_seconds, bounds.budget)
        self._held = incoming.Held(bounds.budget, transport.abort)
        beyond = len(self.connections) - bounds.connections
        if beyond > 0 and bounds.idle.end_one():
            beyond -= 1
        self._connection = Connection(transport.abort, lambda: bool(self._held), spare=beyond > 0)
        self._expect_head()
        if beyond > SPARE_CONNECTIONS:
            self._refuse(_BUSY, str(BusyError()), _LATER)
        else:
            bounds.idle.add(self, known=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers and release all charges."""
        self._bounds.idle.remove(self)
        self._got_head()
        self._head.moved_on()
        self._held.forget()
        self._backlog.forget()
        super().connection_lost(exc)

    def end(self) -> None:
        """Abort an idle connection to make room for another client."""
        self.connections.discard(self)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse one request, and hold the bytes of later ones until it is answered."""
        self._unset_keepalive_if_required()
        if self._is_answering:
            self._hold(data)
        else:
            self._parse(data)

    @property
    def _is_answering(self) -> bool:
        """Return whether received bytes belong to a later request.

        Those bytes are parsed after the current response is complete.
        """
        if not self._whole or self.cycle is None:
            return False
        return not self.cycle.response_complete or self.flow.write_paused

    def _hold(self, data: bytes) -> None:
        try:
            if self._held.add(self._tenant, data):
                self.flow.pause_reading()
        except OverloadedError:
            self.transport.abort()  # no error can be sent in the middle of a response

    def _parse(self, data: bytes) -> None:
        start = 0
        while start < len(data) and not self.transport.is_closing():
            if self._is_answering:
                self._hold(data[start:])
                return
            if self._whole and self._last:
                return  # ignores bytes after the last request
            if self._whole and self._timer is None:
                self._expect_head()
            length = self._frame.length(data, start)
            piece = data[start : start + length]
            start += length
            try:
                self._head.count(length)
                self._feed(piece)
                self._head.check()
            except incoming.RefusedHeadError as error:
                self.send_400_response(str(error))
            except OverloadedError as error:
                self._refuse(_BUSY, str(error), _LATER)

    def _feed(self, piece: bytes) -> None:
        """Pass bytes to the parser.

        Raises:
            RefusedHeadError: the head breaks a rule of `incoming`.
        """
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            # The parser skips the body of a request that asks for an upgrade. Upgrades are not
            # supported, so a new parser reads the head without those headers, and then the body.
            version = self.parser.get_http_version()
            method = self.scope["method"]
            head = incoming.without_upgrade(method, self.url, version, self.headers)
            self.parser = httptools.HttpRequestParser(self)
            self._feed(head)
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, incoming.RefusedHeadError):
                raise error.__context__ from None
            self.send_400_response("Invalid HTTP request received.")

    def on_message_begin(self) -> None:
        """Start the time limit for the head."""
        super().on_message_begin()
        self._whole = False
        self._head.begin()
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header, and keep it unless it is a trailer."""
        if self._head.add():
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request. The route limits the body's time and size (`http.request`)."""
        self._head.complete(self.parser.get_http_version())
        if self.parser.should_upgrade():
            self.scope["method"] = self.parser.get_method().decode("ascii")
            self._head.upgrades = True
            return
        self._frame.expect_body(incoming.content_length(self.headers))
        self._got_head()
        self._bounds.idle.remove(self)
        self.scope["state"]["own"] = RequestState(self._connection)
        super().on_headers_complete()
        # uvicorn would close after the response, which resets a connection with unread data.
        self._last = self._connection.spare or not self.cycle.keep_alive
        self.cycle.keep_alive = True

    def on_chunk_header(self) -> None:
        """Count the chunk."""
        self._head.add_chunk()

    def on_body(self, body: bytes) -> None:
        """Pass on a part of the body, or discard it if the request is already answered."""
        self._head.moved_on()
        super().on_body(body)
        if self.cycle.response_complete and not self._bounds.discards.reads_on(
            self._tenant, len(body)
        ):
            self.flow.pause_reading()
            self._last = True  # if this is the body's end, no further request is read
            self._linger(UNREAD_SECONDS)

    def on_message_complete(self) -> None:
        """Mark the request as complete."""
        if self._head.upgrades:
            return
        self._whole = True
        self._head.moved_on()
        self._got_head()
        super().on_message_complete()
        if self.cycle.response_complete:
            self._answered()

    def on_response_complete(self) -> None:
        """Mark the connection as idle, and start the time limit for the client to read.

        If the request's body has not arrived completely, its rest is discarded for up to 5 s.
        """
        super().on_response_complete()
        tenant = self._tenant
        self._known = self._known or tenant is not None
        self._bounds.idle.add(self, known=self._known)
        self.cycle.body = bytearray()
        if not self.flow.write_paused:
            self._backlog.begin(tenant)
        if self._whole:
            self._answered()
        else:
            self._linger(LINGER_SECONDS)

    def _answered(self) -> None:
        """Continue with the next request, or close, after a complete request and response."""
        if self._last:
            self.transport.close()
            return
        if self.flow.write_paused:
            return  # `resume_writing` calls this again when the client has read the response
        # An idle connection must not keep its last request in memory.
        self.cycle = self.scope = self.headers = None  # type: ignore[assignment]
        self.url = b""
        if self._held and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self.flow.resume_reading()
            self._parse(self._held.take())

    def pause_writing(self) -> None:
        """Pause writing, and start the time limit for the client to read."""
        super().pause_writing()
        self._backlog.begin(self._tenant)

    def resume_writing(self) -> None:
        """Resume writing, and stop the time limit.

        If the response is complete, the time limit starts anew for the rest of it.
        """
        super().resume_writing()
        self._backlog.forget()
        if self.transport.is_closing() or self.cycle is None or self.cycle.response_complete:
            self._backlog.begin(self._tenant)
        if self._whole and self.cycle is not None and self.cycle.response_complete:
            self._answered()

    @property
    def _tenant(self) -> str | None:
        """Return the tenant of the current request.

        None if it has no key or was not authenticated yet.
        """
        caller = state_of(self.cycle.scope).caller if self.cycle is not None else None
        return caller.tenant if caller is not None else None

    def send_400_response(self, msg: str) -> None:
        """Respond to a malformed request with a 400 and close the connection."""
        self._refuse(b"400 Bad Request", msg.rstrip("."))

    def _refuse(self, status: bytes, detail: str, lines: bytes = b"") -> None:
        if self.cycle is not None and self.cycle.response_started:
            self.transport.close()  # no error can be sent once a response has started
            return
        self.transport.write(refusal(status, detail, lines))
        self._backlog.begin(None)
        self.transport.close()

    def _linger(self, seconds: float) -> None:
        self._got_head()
        self._timer = self.loop.call_later(seconds, self.transport.close)

    def _expect_head(self) -> None:
        self._got_head()
        seconds = SPARE_SECONDS if self._connection.spare else incoming.HEAD_SECONDS
        self._timer = self.loop.call_later(seconds, self._late, seconds)

    def _got_head(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self, seconds: float) -> None:
        if not self.transport.is_closing():
            self.send_400_response(f"headers: did not arrive within {seconds:g} seconds")
