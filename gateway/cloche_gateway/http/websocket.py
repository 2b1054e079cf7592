"""A websocket (RFC 6455) on a connection of the server, with limits for its client.

The package `websockets` parses and builds frames, without doing any input or output. Compression is
not negotiated, so a message has the size that was sent.

- A message has at most `BODY_BYTES`, and what has arrived of it is charged to the memory budget.
- Frames are counted, regardless of what they contain. A client that sends too many is disconnected.
- Nothing is read while a message waits to be taken, or while the client does not read.
- A client that does not answer a ping, or does not close the connection in time, is disconnected.
  The connection itself disconnects one that does not read (`http.connections`).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections import deque
from typing import TYPE_CHECKING

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State
from websockets.utils import accept_key

from cloche_gateway.errors import InvalidRequestError, OverloadedError
from cloche_gateway.http.route import BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.datastructures import Headers
    from uvicorn.protocols.http.flow_control import FlowControl

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.limits.bytes import Budget

FRAMES = 1024
"""The most frames at once: a message of 4 MiB in frames of 4 KiB. A frame takes some
microseconds."""
FRAMES_PER_SECOND = 20
"""The most frames per second in the long run. A person at a terminal types fewer characters."""
PING_SECONDS = 20.0
"""How often a ping is sent. The answer must come before the next one."""
CLOSE_SECONDS = 5.0
"""Time for the client to answer that the websocket is closed."""
_AT_ONCE_BYTES = 1024
"""Bytes that are parsed between two looks at the limits. They hold at most 170 frames."""
_UNCHARGED_BYTES = 4 * 1024
_REASON_BYTES = 123  # RFC 6455, 5.5
_KEY_BYTES = 16
_VERSION = "13"
_log = logging.getLogger(__name__)
_log_of_library = _log.getChild("frames")
_log_of_library.setLevel(logging.WARNING)  # It would log each connection that is closed.


class WebSocket:
    """A websocket, from the request that asks for it until the connection is lost.

    One task receives, and any task sends or closes.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        flow: FlowControl,
        budget: Budget,
        expect_taken: Callable[[], None],
    ) -> None:
        """`expect_taken` starts the time limit for the client to read what is buffered."""
        self._transport = transport
        self._flow = flow
        self._budget = budget
        self._expect_taken = expect_taken
        self._loop = asyncio.get_running_loop()
        self._frames = Protocol(Side.SERVER, max_size=BODY_BYTES, logger=_log_of_library)
        self._charge: Charge | None = None
        self._part = bytearray()
        self._messages: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._lost = asyncio.Event()
        self._ended = False
        """Whether no further message will come."""
        self._due = 0.0
        """When the received frames are paid off at the long-term rate."""
        self._answered = True
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_receiving(self) -> bool:
        """Whether a part of a message has arrived."""
        return bool(self._part or self._frames.reader.buffer)

    def accept(self, asked: Headers) -> list[tuple[bytes, bytes]]:
        """Return the headers of the response with status 101.

        Raises:
            InvalidRequestError: a header of the request is missing or not valid.
        """
        key = asked.get("sec-websocket-key", "")
        try:
            size = len(base64.b64decode(key, validate=True))
        except (binascii.Error, ValueError):
            size = 0
        if size != _KEY_BYTES or len(asked.getlist("sec-websocket-key")) > 1:
            raise InvalidRequestError("Sec-WebSocket-Key", "must be 16 bytes in base64")
        if asked.getlist("sec-websocket-version") != [_VERSION]:
            raise InvalidRequestError("Sec-WebSocket-Version", f"must be {_VERSION}")
        return [
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
            (b"sec-websocket-accept", accept_key(key).encode()),
        ]

    async def receive(self) -> bytes | None:
        """Return the next message, or None when the websocket is closed."""
        while not self._messages:
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        message = self._messages.popleft()
        self._recharge()
        self.read_on()
        return message

    async def send(self, text: bytes) -> None:
        """Send a message, and wait until the client has read most of it."""
        if self._frames.state is State.OPEN and not self._lost.is_set():
            self._frames.send_text(text)
            self._write()
            await self._flow.drain()

    async def close(self, code: int, reason: str) -> None:
        """Close the websocket, and wait until the connection is lost."""
        if self._frames.state is State.OPEN and not self._transport.is_closing():
            self._frames.send_close(code, reason.encode()[:_REASON_BYTES].decode("utf-8", "ignore"))
            self._write()
            self._expect_taken()
        self._messages.clear()  # so that the client's answer is read
        self.read_on()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._lost.wait()
        except TimeoutError:
            self.abort()
            await self._lost.wait()

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    def opened(self, tenant: str | None, early: bytes) -> None:
        """Begin, after the response with status 101. `early`: bytes that have arrived meanwhile."""
        self._charge = self._budget.charge(tenant, cut=self.abort)
        self._timer = self._loop.call_later(PING_SECONDS, self._ping)
        self.received(early)

    def received(self, data: bytes) -> None:
        """Parse bytes of the client."""
        for start in range(0, len(data), _AT_ONCE_BYTES):
            if self._frames.eof_sent or self._transport.is_closing():
                return  # The protocol is over.
            self._take(data[start : start + _AT_ONCE_BYTES])
        if self._messages or self._flow.write_paused:
            self._flow.pause_reading()

    def read_on(self) -> None:
        """Continue to read, unless a message waits or the client does not read."""
        waits = bool(self._messages) or self._flow.write_paused
        if not waits and not self._transport.is_closing():
            self._flow.resume_reading()

    def lost(self) -> None:
        """End, because the connection is lost."""
        if self._timer is not None:
            self._timer.cancel()
        if self._charge is not None:
            self._charge.release()
        self._messages.clear()
        self._part.clear()
        self._lost.set()
        self._end()

    def _take(self, data: bytes) -> None:
        """Parse bytes within the limits, and answer them as the protocol requires."""
        self._frames.receive_data(data)
        self._write()
        for frame in self._frames.events_received():
            if not self._is_in_time():
                self._fail(CloseCode.POLICY_VIOLATION, "too many frames")
                return
            assert isinstance(frame, Frame), "the handshake is over"
            self._answered = True
            if not self._ended and frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._part += frame.data
                if frame.fin:
                    self._messages.append(bytes(self._part))
                    self._part.clear()
                    self._news.set()
        if self._frames.state is not State.OPEN:
            self._end()
        try:
            self._recharge()
        except OverloadedError as error:
            self._fail(CloseCode.TRY_AGAIN_LATER, str(error))

    def _is_in_time(self) -> bool:
        now = self._loop.time()
        self._due = max(self._due, now - FRAMES / FRAMES_PER_SECOND) + 1 / FRAMES_PER_SECOND
        return self._due <= now

    def _recharge(self) -> None:
        """Charge what has arrived and was not taken.

        Raises:
            OverloadedError: the memory budget has no room for it.
        """
        kept = len(self._frames.reader.buffer) + len(self._part) + sum(map(len, self._messages))
        if self._charge is not None:
            # Twice, because the parser copies a frame when it is complete.
            self._charge.resize(2 * kept if kept > _UNCHARGED_BYTES else 0)

    def _fail(self, code: CloseCode, reason: str) -> None:
        self._frames.fail(code, reason.encode()[:_REASON_BYTES].decode("utf-8", "ignore"))
        self._write()
        self._expect_taken()
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._news.set()

    def _write(self) -> None:
        """Send what the protocol has to send, and close the connection if that is its end."""
        for part in self._frames.data_to_send():
            if self._transport.is_closing():
                return
            if part:
                self._transport.write(part)
            else:
                self._transport.close()

    def _ping(self) -> None:
        """Send a ping, or drop the connection if the last one was not answered."""
        if not self._answered:
            self.abort()
            return
        if self._frames.state is State.OPEN and not self._flow.write_paused:
            self._answered = False
            self._frames.send_ping(b"")
            self._write()
        self._timer = self._loop.call_later(PING_SECONDS, self._ping)
