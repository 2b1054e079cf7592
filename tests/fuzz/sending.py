"""Raw HTTP/1.1: what a client library would refuse to send is sent."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from fuzz.hostile import Hostile

_SECONDS = 120.0


@dataclass(frozen=True)
class Answer:
    """A whole answer; status 0 when the connection ended without one."""

    status: int
    headers: dict[str, str]
    body: bytes


async def send(url: str, key: str, request: Hostile) -> Answer:
    """Send it on a separate connection.

    Raises:
        TimeoutError: no answer.
    """
    to = urlsplit(url)
    loop = asyncio.get_running_loop()
    with socket.socket() as own:
        own.setblocking(False)  # noqa: FBT003  socket's own
        async with asyncio.timeout(_SECONDS):
            await loop.sock_connect(own, (to.hostname, to.port))
            # At the same time: an answer may come, and the connection go, before all is sent.
            sent = _head(request, to.netloc, key) + request.body
            sending = asyncio.create_task(loop.sock_sendall(own, sent))
            try:
                return await _answer(own)
            except ConnectionError:
                return Answer(0, {}, b"")
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)


def _head(request: Hostile, host: str, key: str) -> bytes:
    headers = {"Host": host, "Connection": "close"}
    if "Upgrade" not in request.headers:  # What follows is then no body.
        headers["Content-Length"] = str(len(request.body))
    if request.with_key:
        headers["X-API-Key"] = key
    headers |= request.headers
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _answer(own: socket.socket) -> Answer:
    loop = asyncio.get_running_loop()
    head, body = b"", b""
    while b"\r\n\r\n" not in head:
        data = await loop.sock_recv(own, 65536)
        if not data:
            return Answer(0, {}, b"")
        head += data
    head, body = head.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)
    }
    with contextlib.suppress(ConnectionError):  # closed while we still sent
        while data := await loop.sock_recv(own, 65536):
            body += data
    return Answer(int(first.split(" ")[1]), headers, body)
