"""Websockets byte by byte, for tests that send what no library sends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_MASK = b"\x01\x02\x03\x04"


def handshake(path: str, key: str | None, *lines: str) -> bytes:
    """Return a request for a websocket."""
    head = [
        f"GET {path} HTTP/1.1",
        "Host: x",
        "Connection: keep-alive, Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==",
        "Sec-WebSocket-Version: 13",
        *([] if key is None else [f"X-API-Key: {key}"]),
        *lines,
    ]
    return "\r\n".join([*head, "", ""]).encode()


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    masked: bool = True,
    declared: int | None = None,
) -> bytes:
    """Return a frame. `declared` is its length if it is not that of the payload."""
    size = len(payload) if declared is None else declared
    first, bit = opcode | fin << 7, masked << 7
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    if not masked:
        return head + payload
    return head + _MASK + bytes(one ^ _MASK[at % 4] for at, one in enumerate(payload))


def text(message: Any) -> bytes:
    return frame(TEXT, json.dumps(message).encode())


@dataclass
class RawWebSocket:
    """The client's end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> bytes:
        """Read the head of the response to the handshake."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def frame(self) -> tuple[int, bytes]:
        """Read a frame: its opcode and payload."""
        first, size = await self.reader.readexactly(2)
        assert first & 0x80, "the server does not fragment"
        assert not size & 0x80, "the server does not mask"
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(size)

    async def message(self) -> dict[str, Any]:
        """Read a message."""
        opcode, payload = await self.frame()
        assert opcode == TEXT, (opcode, payload)
        found: dict[str, Any] = json.loads(payload)
        return found

    async def close_code(self) -> int:
        """Read up to the frame that closes, and return its code."""
        while True:
            opcode, payload = await self.frame()
            if opcode == CLOSE:
                code: int = struct.unpack("!H", payload[:2])[0]
                return code


@contextlib.asynccontextmanager
async def connected(port: int, *sent: bytes) -> AsyncIterator[RawWebSocket]:
    """Connect to a gateway of this machine and send bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in sent:
            writer.write(part)
        yield RawWebSocket(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
