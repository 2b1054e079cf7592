"""HTTP/1.1 on one connection, with bounds that uvicorn's own protocol does not have.

Before a request's head is complete no route sees it and no key was asked for, so what anybody may
make the gateway keep or wait for is bounded here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cloche_gateway.backlog import Backlog
from cloche_gateway.errors import BusyError, OverloadedError
from cloche_gateway.head import Head, RefusedHeadError, content_length, without_upgrade
from cloche_gateway.headers import refusal
from cloche_gateway.incoming import Frame, Held
from cloche_gateway.pace import Connection

if TYPE_CHECKING:
    import asyncio

    from cloche_gateway.connections import Bounds

HEAD_SECONDS = 30.0
"""From the connection, or from a request's first byte, until its head is there."""
LINGER_SECONDS = 5.0
"""From an answer to the end of a body that it did not wait for: who still sends would not see the
answer of a connection that is closed at once."""
UNREAD_SECONDS = 1.0
"""The same where the body is not read on: the answer must only get to the client."""
SPARE_CONNECTIONS = 64
"""Beyond the bound, on which probes and scrapers alone are served: a full gateway is not dead."""
SPARE_SECONDS = 2.0
"""For the head on one of those: who probes has it ready."""
_BUSY, _LATER = b"503 Service Unavailable", b"retry-after: 1\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are too long or too slow, and answers nonsense in JSON like a route.

    One request is parsed at a time; what comes before its turn is kept, within bounds. A client
    that does not take its answer is let go, and so is who comes when all is full.
    """

    def __init__(self, *args: Any, bounds: Bounds, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bounds = bounds
        self._backlog: Backlog
        self._held: Held
        self._frame = Frame()
        self._head = Head(bounds.budget)
        self._connection: Connection
        self._known = False  # it has had a valid key
        self._whole = True  # the last request has come to its end, or there was none yet
        self._timer: asyncio.TimerHandle | None = None
        self._last = False  # the client wants no further request on this connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Wait for the first request, but not for ever."""
        super().connection_made(transport)
        bounds = self._bounds
        self._backlog = Backlog(self.loop, transport, bounds.send_seconds, bounds.budget)
        self._held = Held(bounds.budget, transport.abort)
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
        """Forget the timers and what is kept."""
        self._bounds.idle.remove(self)
        self._got_head()
        self._head.moved_on()
        self._held.forget()
        self._backlog.forget()
        super().connection_lost(exc)

    def end(self) -> None:
        """End a connection that has nothing to answer, for the sake of another client's."""
        self.connections.discard(self)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse one request, and keep what is of the next ones until it is answered."""
        self._unset_keepalive_if_required()
        if self._is_answering:
            self._hold(data)
        else:
            self._parse(data)

    @property
    def _is_answering(self) -> bool:
        """Whether what comes is of a later request, whose turn comes with the answer's end."""
        if not self._whole or self.cycle is None:
            return False
        return not self.cycle.response_complete or self.flow.write_paused

    def _hold(self, data: bytes) -> None:
        try:
            if self._held.add(self._tenant, data):
                self.flow.pause_reading()
        except OverloadedError:
            self.transport.abort()  # an answer is under way, so that no other can be given

    def _parse(self, data: bytes) -> None:
        start = 0
        while start < len(data) and not self.transport.is_closing():
            if self._is_answering:
                self._hold(data[start:])
                return
            if self._whole and self._last:
                return  # nothing more is answered here
            if self._whole and self._timer is None:
                self._expect_head()
            length = self._frame.length(data, start)
            piece = data[start : start + length]
            start += length
            try:
                self._head.count(length)
                self._feed(piece)
                self._head.check()
            except RefusedHeadError as error:
                self.send_400_response(str(error))
            except OverloadedError as error:
                self._refuse(_BUSY, str(error), _LATER)

    def _feed(self, piece: bytes) -> None:
        """Have the parser read it.

        Raises:
            RefusedHeadError: it breaks a rule of `head`.
        """
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            # The parser skips the body of a request that would upgrade. It is not upgraded: a new
            # parser reads the same head without that wish, and then the body.
            version = self.parser.get_http_version()
            head = without_upgrade(self.scope["method"], self.url, version, self.headers)
            self.parser = httptools.HttpRequestParser(self)
            self._feed(head)
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, RefusedHeadError):
                raise error.__context__ from None
            self.send_400_response("Invalid HTTP request received.")

    def on_message_begin(self) -> None:
        """Give the head its time."""
        super().on_message_begin()
        self._whole = False
        self._head.begin()
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, unless it is a trailer: those are read and forgotten."""
        if self._head.add():
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Have the head; the body's time and size are the route's to bound."""
        self._head.complete(self.parser.get_http_version())
        if self.parser.should_upgrade():
            self.scope["method"] = self.parser.get_method().decode("ascii")
            self._head.upgrades = True
            return
        self._frame.expect_body(content_length(self.headers))
        self._got_head()
        self._bounds.idle.remove(self)
        # Our own key.
        self.scope["cloche.connection"] = self._connection  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()
        # uvicorn would close with the answer, which resets a connection that has more to read.
        self._last = self._connection.spare or not self.cycle.keep_alive
        self.cycle.keep_alive = True

    def on_chunk_header(self) -> None:
        """Count the chunk."""
        self._head.add_chunk()

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body on, or drop it once the request is answered."""
        self._head.moved_on()
        super().on_body(body)
        if self.cycle.response_complete and not self._bounds.discards.reads_on(
            self._tenant, len(body)
        ):
            self.flow.pause_reading()
            self._last = True  # if this is the body's end, no further request is read
            self._linger(UNREAD_SECONDS)

    def on_message_complete(self) -> None:
        """Have the whole request."""
        if self._head.upgrades:
            return
        self._whole = True
        self._head.moved_on()
        self._got_head()
        super().on_message_complete()
        if self.cycle.response_complete:
            self._answered()

    def on_response_complete(self) -> None:
        """Read on, and forget, what still comes of a body that was refused, but not for ever."""
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
        """Go on after a whole request and its whole answer."""
        if self._last:
            self.transport.close()
            return
        if self.flow.write_paused:
            return  # once the client has taken the answer
        # An idle connection keeps nothing of its last request.
        self.cycle = self.scope = self.headers = None  # type: ignore[assignment]
        self.url = b""
        if self._held and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self.flow.resume_reading()
            self._parse(self._held.take())

    def pause_writing(self) -> None:
        """Stop writing, and see that the client takes what is there."""
        super().pause_writing()
        self._backlog.begin(self._tenant)

    def resume_writing(self) -> None:
        """Write on. Of an answer that is complete the rest is still to be taken."""
        super().resume_writing()
        self._backlog.forget()
        if self.transport.is_closing() or self.cycle is None or self.cycle.response_complete:
            self._backlog.begin(self._tenant)
        if self._whole and self.cycle is not None and self.cycle.response_complete:
            self._answered()

    @property
    def _tenant(self) -> str | None:
        """Whose request is answered; None without a key, or before it is known."""
        caller = self.cycle.scope.get("cloche.caller") if self.cycle is not None else None
        return caller.tenant if caller is not None else None  # type: ignore[attr-defined]

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request and end the connection."""
        self._refuse(b"400 Bad Request", msg.rstrip("."))

    def _refuse(self, status: bytes, detail: str, lines: bytes = b"") -> None:
        if self.cycle is not None and self.cycle.response_started:
            self.transport.close()  # in the middle of an answer, or after it, nothing else is one
            return
        self.transport.write(refusal(status, detail, lines))
        self._backlog.begin(None)
        self.transport.close()

    def _linger(self, seconds: float) -> None:
        self._got_head()
        self._timer = self.loop.call_later(seconds, self.transport.close)

    def _expect_head(self) -> None:
        self._got_head()
        seconds = SPARE_SECONDS if self._connection.spare else HEAD_SECONDS
        self._timer = self.loop.call_later(seconds, self._late, seconds)

    def _got_head(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self, seconds: float) -> None:
        if not self.transport.is_closing():
            self.send_400_response(f"headers: did not arrive within {seconds:g} seconds")
