"""Clients that do not read their responses, and the limit of connections."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio
from support.fixtures.gateway import Start

from cloche_gateway.http import connections, server_protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.fixtures.gateway import Gateway

HELLO = {"code": "print(1)", "language": "python"}


async def ended(gateway: Gateway, **status: Any) -> str:
    name: str = (await gateway.http.post("/api/v1/execute/async", json=HELLO)).json()[
        "execution_id"
    ]
    await gateway.cluster.end(name, **status)
    return name


def request_for(gateway: Gateway, name: str, connection: str) -> bytes:
    key = gateway.cluster.keys["first"]
    head = f"GET /api/v1/executions/{name} HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n"
    return f"{head}X-API-Key: {key}\r\n\r\n".encode()


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
async def test_a_client_that_does_not_read_its_response_is_disconnected(
    start: Start, connection: str
) -> None:
    async with start(send_timeout_seconds=0.3) as gateway:
        name = await ended(gateway, stdout="\0" * 100_000)  # six bytes each, as JSON
        async with gateway.slow_client() as stuck:
            before = gateway.connections
            stuck.sendall(request_for(gateway, name, connection))
            await gateway.until(
                lambda: gateway.connections == before - 1, "the connection to be closed"
            )


async def test_a_client_that_pipelines_without_reading_is_disconnected(start: Start) -> None:
    async with start(send_timeout_seconds=0.3) as gateway:
        name = await ended(gateway, stdout="\0" * 5_000)
        async with gateway.slow_client() as stuck:
            before = gateway.connections
            stuck.sendall(request_for(gateway, name, "keep-alive") * 20)
            await gateway.until(
                lambda: gateway.connections == before - 1, "the connection to be closed"
            )


async def test_a_client_that_reads_slowly_receives_the_complete_response(start: Start) -> None:
    async with start(send_timeout_seconds=1.5) as gateway:
        name = await ended(gateway, stdout="\0" * 100_000)
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with gateway.slow_client() as slow:
            slow.sendall(request_for(gateway, name, "close"))
            answer = b""
            while part := await loop.sock_recv(slow, 16 * 1024):
                answer += part
                await asyncio.sleep(0.05)  # makes the client slow
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.count(b"\\u0000") == 100_000
        assert loop.time() - began > 2 * 1.5  # the time limit starts anew with each part


@pytest_asyncio.fixture
async def full(start: Start) -> AsyncIterator[Gateway]:
    """A gateway whose connections are all taken, each with a request in flight."""
    async with start(connections=10) as gateway:
        name = (await gateway.http.post("/api/v1/execute/async", json=HELLO)).json()["execution_id"]
        async with httpx.AsyncClient(
            base_url=gateway.url, headers=gateway.http.headers, timeout=60
        ) as others:
            path = f"/api/v1/executions/{name}?wait=60"
            waits = [asyncio.create_task(others.get(path)) for _ in range(10)]
            # The idle connection was ended to make room.
            await gateway.until(lambda: waiting(gateway, name) == 10, "the requests")
            assert gateway.connections == 10
            yield gateway
            await gateway.cluster.end(name)
            assert {(await one).status_code for one in waits} == {200}


def waiting(gateway: Gateway, name: str) -> int:
    return len(gateway.context.waiters._waiting.get(name, ()))


async def test_a_client_over_the_connection_limit_is_503(full: Gateway) -> None:
    async with httpx.AsyncClient(base_url=full.url, headers=full.http.headers) as late:
        answer = await late.post("/api/v1/execute", json=HELLO)
        assert answer.status_code == 503
        assert answer.json() == {"detail": "Service busy. Please try again later."}
        assert answer.headers["Retry-After"]
        assert answer.headers["X-Request-ID"]
        assert answer.headers["Cache-Control"] == "no-store"
        # The server closes the connection after the response.
        await full.until(lambda: full.connections == 10, "the end of the rejected connection")
    metrics = (await full.http.get("/metrics")).text
    assert "\nhttp_connections 11.0\n" in metrics


async def test_probes_and_metrics_are_served_over_the_connection_limit(full: Gateway) -> None:
    for path in ("/health/live", "/health/ready", "/health", "/metrics"):
        async with httpx.AsyncClient(base_url=full.url) as probe:
            assert (await probe.get(path)).status_code == 200


async def test_a_connection_over_the_spare_ones_is_503_before_it_is_read(
    full: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_protocol, "SPARE_CONNECTIONS", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", full.server.bound_port)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nretry-after: " in answer
    assert answer.endswith(b'{"detail": "Service busy. Please try again later."}')


async def test_a_spare_connection_without_a_request_is_closed(
    full: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_protocol, "SPARE_SECONDS", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", full.server.bound_port)
    assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    writer.close()


async def test_the_oldest_idle_connections_are_closed_for_new_ones(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start(connections=10) as gateway, contextlib.AsyncExitStack() as stack:
        await gateway.http.get("/api/v1/executions")  # has a valid key, so it is ended last
        monkeypatch.setattr(connections, "_GRACE_SECONDS", 0.0)
        idle = []
        for _ in range(30):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
            stack.callback(writer.close)
            idle.append(reader)
        await gateway.until(lambda: gateway.connections == 10, "the eviction")
        # The oldest connections were ended. The client with a key still has its connection.
        ends = [asyncio.ensure_future(reader.read()) for reader in idle]
        await gateway.until(lambda: sum(end.done() for end in ends) == 21, "21 connections to end")
        assert [end.done() for end in ends] == [True] * 21 + [False] * 9
        for end in ends:
            end.cancel()
        transport: Any = gateway.http._transport  # httpx has no public access to its pool
        used = list(transport._pool.connections)
        assert (await gateway.http.get("/api/v1/executions")).status_code == 200
        assert list(transport._pool.connections) == used
