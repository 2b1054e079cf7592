"""The gateway's memory under clients that make it keep what they can: the real program is attacked.

Its container may take 512 MiB, of which it takes 100 before anybody comes.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from support.gateway import Cluster
    from support.gateway_process import Program

MOST_MIB = 320
"""With the attack: far below the limit, and above the budget of a tenant with the process."""
FEW_MIB = 180
"""Where the attack gets nothing kept that is worth it."""


@pytest_asyncio.fixture
async def program(shared_program: tuple[Program, Cluster]) -> AsyncIterator[Program]:
    """One that still serves when the attack is over."""
    started, _ = shared_program
    yield started
    assert (await started.http.get("/health/live")).status_code == 200
    assert started.process.poll() is None


@contextlib.contextmanager
def clients(program: Program, count: int, buffer: int = 0) -> Iterator[list[socket.socket]]:
    """So many connections; the kernel keeps little of what is not read or, with `buffer`, sent."""
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
    """Send until all is sent, it is refused, or nothing more is taken; the bytes that were."""
    client.settimeout(stuck_seconds)
    sent = 0
    with contextlib.suppress(TimeoutError, ConnectionError):
        while sent < len(data):
            sent += client.send(data[sent : sent + 65536])
    return sent


async def settled(program: Program) -> float:
    """The memory once everything that was sent before has been read."""
    for _ in range(20):
        assert (await program.http.get("/health/live")).status_code == 200
    return program.memory_mib()


async def test_a_connection_that_pipelines_is_not_read_on(program: Program) -> None:
    with clients(program, 1) as (client,):
        sent = push(client, b"GET / HTTP/1.1\r\n\r\n" * 400_000)
        assert sent < 1024 * 1024
        assert await settled(program) < FEW_MIB


async def test_heads_of_many_lines_are_not_kept(program: Program) -> None:
    with clients(program, 150) as many:
        for client in many:
            push(client, b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 15_000)
        assert await settled(program) < FEW_MIB


async def test_heads_that_do_not_end_are_bounded_together(program: Program) -> None:
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


async def test_answers_that_nobody_takes_are_few(program: Program) -> None:
    with clients(program, 900, buffer=4096) as many:
        for client in many:
            push(client, b"GET /openapi.json HTTP/1.1\r\n\r\n" * 20)
        assert await settled(program) < MOST_MIB


async def test_one_record_for_many_slow_readers(
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
