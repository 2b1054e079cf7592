"""Hostile clients, each running until it is cancelled, and the attack on the gateway.

They use plain sockets, because a client library would not send such requests, and would read
responses that these clients ignore.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NoReturn
from urllib.parse import urlsplit

import httpx
from siege import bodies
from support.clients.raw_websocket import PING, frame, handshake
from support.data.dialects import ROUTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

EXECUTE = "/api/v1/execute"
_PATHS = (EXECUTE, *(one.path for one in ROUTES if one.method == "POST"))
"""Of programs, in the API and in each dialect."""
_WEBSOCKET = "/api/v2/connect"
_PINGS = frame(PING) * 1024
_PIPELINED = b"GET / HTTP/1.1\r\nHost: siege\r\n\r\n" * 4096
_SMALL_BUFFER = 4096
_SIP_BYTES = 16 * 1024
_SIP_SECONDS = 25.0
"""Interval of a slow reader's reads: often enough that it does not count as disconnected."""
_PAUSE_SECONDS = 0.5
"""Pause before an attacker reconnects."""
_LARGE = {
    "language": "python",
    "code": "import sys; sys.stdout.write('x' * 250_000); sys.stderr.write('\U0001f600' * 60_000)",
    "stdin": "y" * 250_000,
}
_PRINTER = {
    "language": "python",
    "code": "import time\nfor n in range(300): print(n, flush=True); time.sleep(1)",
    "timeout": 300,
}


@dataclass(frozen=True)
class Target:
    """The gateway's URL and the attackers' common key, of one tenant."""

    url: str
    key: str

    @contextlib.asynccontextmanager
    async def connection(self, buffer: int | None = None) -> AsyncIterator[socket.socket]:
        """Open a connection, with a receive buffer of `buffer` bytes."""
        to = urlsplit(self.url)
        with socket.socket() as own:
            own.setblocking(False)  # noqa: FBT003  socket's own
            if buffer:
                own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            await asyncio.get_running_loop().sock_connect(own, (to.hostname, to.port))
            yield own

    def head(self, method: str, path: str, size: int = 0) -> bytes:
        """Return the head of a request with the key and a body of `size` bytes."""
        lines = (
            f"{method} {path} HTTP/1.1",
            "Host: siege",
            f"X-API-Key: {self.key}",
            "Content-Type: application/json",
            f"Content-Length: {size}",
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def pipeline(target: Target) -> NoReturn:
    """Send requests without a key over one connection, and read no responses."""
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(OSError):
            async with target.connection(_SMALL_BUFFER) as own:
                while True:
                    await loop.sock_sendall(own, _PIPELINED)
        await asyncio.sleep(_PAUSE_SECONDS)


async def post(target: Target, body: bytes, *paths: str) -> NoReturn:
    """Send a body in request after request, to one path after the other, and read each response."""
    to = itertools.cycle(paths)
    while True:
        with contextlib.suppress(OSError):
            async with target.connection() as own:
                await _exchange(target, own, body, next(to))
        await asyncio.sleep(_PAUSE_SECONDS)


async def flood_websocket(target: Target) -> NoReturn:
    """Send frames over a websocket without end, and read nothing."""
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(OSError):
            async with target.connection(_SMALL_BUFFER) as own:
                await loop.sock_sendall(own, handshake(_WEBSOCKET, target.key))
                while True:
                    await loop.sock_sendall(own, _PINGS)
        await asyncio.sleep(_PAUSE_SECONDS)


async def read_slowly(target: Target, path: str) -> NoReturn:
    """Request a large response and read it slowly."""
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(OSError):
            async with target.connection(_SMALL_BUFFER) as own:
                await loop.sock_sendall(own, target.head("GET", path))
                while await loop.sock_recv(own, _SIP_BYTES):  # noqa: ASYNC110  slow on purpose
                    await asyncio.sleep(_SIP_SECONDS)
        await asyncio.sleep(_PAUSE_SECONDS)


async def listen(target: Target, path: str) -> NoReturn:
    """Follow an event stream, and reopen it when it ends."""
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(OSError):
            async with target.connection() as own:
                await loop.sock_sendall(own, target.head("GET", path))
                while await loop.sock_recv(own, 64 * 1024):
                    pass
        await asyncio.sleep(_PAUSE_SECONDS)


async def submit(target: Target, program: Mapping[str, object]) -> str:
    """Submit a program with a valid request, and return its execution's id.

    Raises ConnectionError if it is not accepted.
    """
    async with httpx.AsyncClient(base_url=target.url, headers={"X-API-Key": target.key}) as client:
        answer = await client.post("/api/v1/execute/async", json=program)
    if answer.status_code != httpx.codes.ACCEPTED:
        raise ConnectionError(answer.text)
    name: str = answer.json()["execution_id"]
    return name


async def _exchange(target: Target, own: socket.socket, body: bytes, path: str) -> None:
    """Send a program and read the first bytes of its response."""
    loop = asyncio.get_running_loop()
    # The response may arrive, and the connection close, before everything is sent.
    sending = asyncio.create_task(
        loop.sock_sendall(own, target.head("POST", path, len(body)) + body)
    )
    try:
        await loop.sock_recv(own, 64 * 1024)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


@dataclass(frozen=True)
class Force:
    """The number of each kind of attacker on the gateway."""

    component: ClassVar = "gateway"
    pipelines: int = 4
    parsers: int = 2
    readers: int = 100
    streams: int = 200
    printers: int = 20
    """Executions whose event streams are followed."""
    waiting: int = 70
    websockets: int = 4

    async def tasks(self, target: Target) -> list[asyncio.Task[NoReturn]]:
        """Start all attackers."""
        ended = await submit(target, _LARGE)
        running = [await submit(target, _PRINTER) for _ in range(self.printers)]
        hostile = (bodies.unknown_fields(), bodies.empty_objects(), bodies.escapes())
        sleeper = bodies.large_sleeper(60)
        events = [f"/api/v1/executions/{name}/events" for name in (ended, *running)]
        works = [
            *(pipeline(target) for _ in range(self.pipelines)),
            *(post(target, body, *_PATHS) for body in hostile for _ in range(self.parsers)),
            *(read_slowly(target, events[0]) for _ in range(self.readers)),
            *(listen(target, events[1 + n % len(running)]) for n in range(self.streams)),
            *(post(target, sleeper, EXECUTE) for _ in range(self.waiting)),
            *(flood_websocket(target) for _ in range(self.websockets)),
        ]
        return [asyncio.create_task(work) for work in works]
