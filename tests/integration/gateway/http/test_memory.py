"""Memory of a gateway process under clients that try to make it hold as much as possible.

The container's limit is 512 MiB. Without clients the process takes 100 MiB.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from support.fixtures.gateway import Cluster
    from support.fixtures.gateway_process import Program

MOST_MIB = 320
"""The bound during an attack: far below the container's limit, and above the process plus the
budget of one tenant."""
FEW_MIB = 180
"""The bound during an attack that makes the gateway hold almost nothing."""


@pytest_asyncio.fixture
async def program(shared_program: tuple[Program, Cluster]) -> AsyncIterator[Program]:
    """The gateway process. It must still serve requests after the attack."""
    started, _ = shared_program
    yield started
    assert (await started.http.get("/health/live")).status_code == 200
    assert started.process.poll() is None


@contextlib.contextmanager
def clients(program: Program, count: int, buffer: int = 0) -> Iterator[list[socket.socket]]:
    """Yield `count` connections with a small send buffer.

    `buffer` is the size of the receive buffer in bytes; 0 leaves the default. The kernel should
    hold little, so that the gateway has to.
    """
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
            if buffer:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            one.connect(("127.0.0.1", program.port))
            made.append(one)
        yield made


def push(client: socket.socket, data: bytes, stuck_seconds: float = 1.0) -> int:
    """Send until all is sent, the connection ends, or sending blocks. Return the bytes sent."""
    client.settimeout(stuck_seconds)
    sent = 0
    with contextlib.suppress(TimeoutError, ConnectionError):
        while sent < len(data):
            sent += client.send(data[sent : sent + 65536])
    return sent


async def settled(program: Program) -> float:
    """Return the memory in MiB after the gateway has read everything that was sent before."""
    for _ in range(20):
        assert (await program.http.get("/health/live")).status_code == 200
    return program.memory_mib()


async def test_reading_from_a_pipelining_connection_is_paused(program: Program) -> None:
    with clients(program, 1) as (client,):
        sent = push(client, b"GET / HTTP/1.1\r\n\r\n" * 400_000)
        assert sent < 1024 * 1024
        assert await settled(program) < FEW_MIB


async def test_request_heads_with_many_lines_are_not_kept_in_memory(program: Program) -> None:
    with clients(program, 150) as many:
        for client in many:
            push(client, b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 15_000)
        assert await settled(program) < FEW_MIB


async def test_unfinished_request_heads_are_limited_in_total(program: Program) -> None:
    lines = b"".join(b"a%d: %s\r\n" % (n, b"x" * 1000) for n in range(60))
    with clients(program, 1000) as many:
        for client in many:
            push(client, b"GET / HTTP/1.1\r\n" + lines)
        assert await settled(program) < MOST_MIB


async def test_an_idle_connection_keeps_nothing_of_its_last_request(program: Program) -> None:
    head = b"POST /api/v1/execute HTTP/1.1\r\nContent-Length: 60000\r\n"
    lines = b"".join(b"a%d: %s\r\n" % (n, b"x" * 1000) for n in range(50))
    with clients(program, 900) as many:
        for client in many:
            push(client, head + lines + b"\r\n" + b"x" * 60_000)
            assert client.recv(12) == b"HTTP/1.1 401"
        assert await settled(program) < FEW_MIB


async def test_unread_responses_are_limited_in_memory(program: Program) -> None:
    with clients(program, 900, buffer=4096) as many:
        for client in many:
            push(client, b"GET /openapi.json HTTP/1.1\r\n\r\n" * 20)
        assert await settled(program) < MOST_MIB


async def test_many_slow_readers_of_one_record_are_limited_in_memory(
    program: Program, shared_program: tuple[Program, Cluster]
) -> None:
    _, cluster = shared_program
    hello = {"code": "print(1)" + " " * 200_000, "language": "python"}
    name = (await program.http.post("/api/v1/execute/async", json=hello)).json()["execution_id"]
    await cluster.end(name, stdout="\0" * 100_000 + "\U0001f600", stderr="\0" * 50_000)
    key = cluster.keys["first"]
    asks = f"GET /api/v1/executions/{name}%s HTTP/1.1\r\nX-API-Key: {key}\r\n\r\n"
    for path in ("", "/events"):
        with clients(program, 190, buffer=4096) as many:
            for client in many:
                push(client, (asks % path).encode())
            assert await settled(program) < MOST_MIB


async def test_uploaded_files_are_limited_in_memory(
    program: Program, shared_program: tuple[Program, Cluster]
) -> None:
    """The files that Jobe keeps until a run uses them."""
    _, cluster = shared_program
    body = b'{"file_contents":"' + b"AAAA" * 1_000_000 + b'"}'
    for key in cluster.keys.values():
        headers = {"X-API-Key": key, "Content-Type": "application/json"}
        for number in range(20):
            url = f"/jobe/index.php/restapi/files/upload{number:04}"
            answer = await program.http.put(url, content=body, headers=headers)
            assert answer.status_code == 204
    assert await settled(program) < MOST_MIB
