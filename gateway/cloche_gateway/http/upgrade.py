"""The server's protocol on a connection whose request may become a websocket.

The request is a GET like any other: its headers that ask for the upgrade are taken out before it is
parsed, and its route checks the key and the limits. Only if the route then responds with status
101, the connection changes to the websocket. Until then, bytes that the client sends are held, as
those of a later request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_gateway.http.request import state_of
from cloche_gateway.http.server_protocol import BoundedProtocol
from cloche_gateway.http.websocket import WebSocket

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Message, Receive, Scope, Send

_SWITCHING = 101
_LINE = b"HTTP/1.1 101 Switching Protocols\r\n"
_BODY_HEADERS = frozenset({b"content-length", b"transfer-encoding"})


class UpgradingProtocol(BoundedProtocol):
    """A BoundedProtocol that offers a websocket to requests for some paths.

    The websocket takes the place of the response: it counts as a connection and as a request in
    flight until it ends, and the time limits for a client to read apply to it.
    """

    def __init__(self, *args: Any, paths: frozenset[bytes], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._paths = paths
        self._asked = False  # whether the request that is being parsed asks for a websocket
        self._offered: WebSocket | None = None
        self._socket: WebSocket | None = None  # once the connection has changed to it

    def connection_lost(self, exc: Exception | None) -> None:
        """End the websocket."""
        super().connection_lost(exc)
        if self._offered is not None:
            self._offered.lost()

    def data_received(self, data: bytes) -> None:
        """Pass bytes to the websocket once there is one."""
        if self._socket is None:
            super().data_received(data)
        else:
            self._socket.received(data)

    def on_headers_complete(self) -> None:
        """Start the request, and offer a websocket if it asks for one."""
        if self.parser.should_upgrade():
            self._asked = self._may_upgrade()
            super().on_headers_complete()
            return
        asked, self._asked = self._asked, False
        if not asked:
            super().on_headers_complete()
            return
        self.app = self._serve
        super().on_headers_complete()
        self.app = self.config.loaded_app
        self._offered = state_of(self.scope).websocket = WebSocket(
            self.transport,
            self.flow,
            self._bounds.budget,
            lambda: self._backlog.begin(self._tenant),
        )

    def pause_writing(self) -> None:
        """Read nothing more from the client of a websocket that does not read."""
        super().pause_writing()
        if self._socket is not None:
            self.flow.pause_reading()

    def resume_writing(self) -> None:
        """Continue to read."""
        super().resume_writing()
        if self._socket is not None:
            self._socket.read_on()

    def _may_upgrade(self) -> bool:
        """Return whether the head asks for a websocket, on a path that may become one."""
        names = {name for name, _ in self.headers}
        asked = [value.strip().lower() for name, value in self.headers if name == b"upgrade"]
        path = self.url.partition(b"?")[0]
        return (
            self.parser.get_method() == b"GET"
            and self.parser.get_http_version() == "1.1"
            and asked == [b"websocket"]
            and not names & _BODY_HEADERS
            and (path in self._paths or path.removesuffix(b"/") in self._paths)
        )

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, and change to the websocket if it responds with 101."""

        async def switching(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == _SWITCHING:
                self._switch(message["headers"])
            else:
                await send(message)

        await self.config.loaded_app(scope, receive, switching)

    def _switch(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        assert self._offered is not None, "the response is to a request that asks for it"
        self.cycle.response_started = True
        if self.transport.is_closing():
            return
        lines = (b"%s: %s\r\n" % header for header in headers)
        self.transport.write(b"".join([_LINE, *lines, b"\r\n"]))
        self._socket = self._offered
        early = self._held.take()
        self.flow.resume_reading()
        self._socket.opened(self._tenant, early)
