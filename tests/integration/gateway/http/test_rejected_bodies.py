"""Bodies of rejected requests: how much of them is read, and when their connections end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from support.fixtures.gateway import Start

from cloche_gateway.http import server_protocol
from cloche_gateway.limits.bytes import Discards

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from support.fixtures.gateway import Gateway

JSON = {"Content-Type": "application/json"}


async def test_a_body_that_is_too_large_is_rejected_before_it_is_read_completely(
    shared_gateway: Gateway,
) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 16 * 1024 * 1024:
            sent += 65536
            yield b" " * 65536

    answer = await shared_gateway.http.post("/api/v1/execute", content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert answer.json() == {"detail": "body: must be at most 4 MiB"}
    declared = await shared_gateway.http.post(
        "/api/v1/execute", content=b" " * (10 * 1024 * 1024), headers=JSON
    )
    assert (declared.status_code, declared.json()) == (413, answer.json())


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_client_that_sends_its_body_first_still_reads_the_413(
    shared_gateway: Gateway, version: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", shared_gateway.server.bound_port)
    key, size = shared_gateway.cluster.keys["first"], 6 * 1024 * 1024
    head = f"POST /api/v1/execute HTTP/{version}\r\nHost: x\r\nX-API-Key: {key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {size}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode() + b" " * size)
    await writer.drain()
    async with asyncio.timeout(10):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 413")
    writer.close()


async def test_a_client_that_keeps_sending_after_the_response_is_disconnected(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_protocol, "LINGER_SECONDS", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
    key = gateway.cluster.keys["first"]
    head = f"POST /api/v1/execute HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {10**9}\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 413")

    async def send_on() -> None:
        while True:
            writer.write(b" " * 1024)
            await writer.drain()
            await asyncio.sleep(0.01)

    async with asyncio.timeout(10):
        with pytest.raises(ConnectionError):
            await send_on()
    writer.close()


@pytest.mark.parametrize("key", ["", "X-API-Key: {}\r\n"])
async def test_the_gateway_discards_a_limited_amount_of_a_rejected_body(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """The gateway reads and discards at most 64 MiB at once, and then 2 MiB per second.

    The limit holds for a tenant, and for all clients without a key together.
    """
    monkeypatch.setattr(server_protocol, "UNREAD_SECONDS", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
    named = key.format(gateway.cluster.keys["first"])
    head = f"POST /api/v1/execute HTTP/1.1\r\nHost: x\r\n{named}"
    head += f"Content-Type: application/json\r\nContent-Length: {10**9}\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readuntil(b"\r\n"))[9:12] in {b"401", b"413"}
    sent, part = 0, b" " * 65536

    async def send() -> None:
        writer.write(part)
        await writer.drain()

    async with asyncio.timeout(10):
        while await _works(send()):
            sent += len(part)
    assert 64 * 1024**2 <= sent < 128 * 1024**2
    writer.close()


async def test_a_connection_whose_reading_stopped_ends_after_a_complete_body(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its next request would never be read."""
    monkeypatch.setattr(Discards, "reads_on", lambda *_: False)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
    writer.write(b"POST /api/v1/execute HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 401")
    writer.write(b"12345")
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()


async def _works(sending: Coroutine[Any, Any, None]) -> bool:
    try:
        await sending
    except ConnectionError:
        return False
    return True


async def test_a_body_that_does_not_arrive_in_time_is_400(start: Start) -> None:
    async with start(body_timeout_seconds=0.3) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
        key = gateway.cluster.keys["first"]
        head = f"POST /api/v1/execute HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n"
        writer.write(
            (head + "Content-Type: application/json\r\nContent-Length: 99\r\n\r\n").encode()
        )
        writer.write(b'{"code')
        line = await reader.readline()
        assert line.startswith(b"HTTP/1.1 400")
        writer.close()
        await writer.wait_closed()
