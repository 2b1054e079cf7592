"""Limits and checks of the HTTP protocol below the routes, with and without an API key."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from cloche_gateway.http import incoming
from cloche_gateway.limits.pace import Pace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.fixtures.gateway import Gateway

LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = b'{"language": "cobol", "code": ""}'


@contextlib.asynccontextmanager
async def connected(
    gateway: Gateway,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def answers(gateway: Gateway, *sent: bytes, count: int = 1) -> list[tuple[int, bytes]]:
    """Send bytes over one connection, and return status and body of `count` responses."""
    async with connected(gateway) as (reader, writer):
        for part in sent:
            writer.write(part)
            await writer.drain()
        return [await answer(reader) for _ in range(count)]


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    found = await reader.readuntil(b"\r\n\r\n")
    lines = found.decode().lower().split("\r\n")
    length = next(int(line.split(": ")[1]) for line in lines if line.startswith("content-length"))
    return int(lines[0].split()[1]), await reader.readexactly(length)


def post(gateway: Gateway, *lines: bytes, body: bytes = BODY) -> bytes:
    key = gateway.cluster.keys["first"].encode()
    return b"\r\n".join(
        [
            b"POST /api/v1/execute HTTP/1.1",
            b"Host: x",
            b"X-API-Key: " + key,
            b"Content-Type: application/json",
            *lines,
            b"",
            body,
        ]
    )


def length(body: bytes = BODY) -> bytes:
    return b"Content-Length: %d" % len(body)


async def test_pipelined_requests_are_all_answered_in_order(shared_gateway: Gateway) -> None:
    missing = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
    posted = post(shared_gateway, length())
    found = await answers(shared_gateway, (LIVE + missing + posted) * 9, count=27)
    assert [status for status, _ in found] == [200, 404, 400] * 9


@pytest.mark.parametrize("pipelined", [True, False])
async def test_requests_without_a_key_are_answered_10_times_a_second_after_20(
    shared_gateway: Gateway, *, pipelined: bool
) -> None:
    began = time.monotonic()
    async with connected(shared_gateway) as (reader, writer):
        if pipelined:
            writer.write(LIVE * 26)
        for _ in range(26):
            if not pipelined:
                writer.write(LIVE)
            assert (await answer(reader))[0] == 200
    assert time.monotonic() - began >= 0.5  # holds on a machine of any speed


async def test_a_client_with_a_key_that_waits_for_each_response_is_not_delayed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[object] = []
    monkeypatch.setattr(Pace, "answer", lambda *given: waited.append(given))
    async with connected(gateway) as (reader, writer):
        for _ in range(5):
            writer.write(post(gateway, length()))
            assert (await answer(reader))[0] == 400
    assert not waited


async def test_pipelined_requests_wait_as_charged_bytes(gateway: Gateway) -> None:
    name = (
        await gateway.http.post(
            "/api/v1/execute/async", json={"language": "python", "code": "print(1)"}
        )
    ).json()["execution_id"]
    key = gateway.cluster.keys["first"]
    wait = f"GET /api/v1/executions/{name}?wait=60 HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n\r\n"
    budget = gateway.context.budget
    large = LIVE[:-2] + b"X-Padding: " + b"x" * 2000 + b"\r\n\r\n"
    async with connected(gateway) as (reader, writer):
        writer.write(wait.encode() + large * 20)
        kept = len(large) * 20 + 2 * incoming.RECEIVE_BYTES
        await gateway.until(lambda: budget.used == kept, "the charge")
        await gateway.cluster.end(name)
        found = [await answer(reader) for _ in range(21)]
        assert {status for status, _ in found} == {200}
        assert budget.used == 0


async def test_the_disconnect_of_a_pipelining_client_cancels_its_execution(
    gateway: Gateway,
) -> None:
    asked = post(gateway, length(b'{"language": "python", "code": "print(1)"}'))[: -len(BODY)]
    async with connected(gateway) as (_, writer):
        writer.write(asked + b'{"language": "python", "code": "print(1)"}' + LIVE * 20)
        execution = await gateway.cluster.pending()
        writer.close()

        async def is_cancelled() -> bool:
            read = await gateway.cluster.read(execution["metadata"]["name"])
            return bool(read["spec"].get("cancel"))

        await gateway.until(is_cancelled, "the cancellation")


@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        (
            b"GET / HTTP/1.1\r\n" + b"a:\r\n" * (incoming.HEADERS + 2),
            b"headers: must be at most 100 lines",
        ),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
            + b"a:\r\n" * (incoming.HEADERS + 2),
            None,  # the response may be sent before the trailers arrive
        ),
        (b"GET / HTTP/2.0\r\n\r\n", b"HTTP/2.0: must be HTTP/1.1 or HTTP/1.0"),
        (b"GET /\r\n\r\n", b"HTTP/0.9: must be HTTP/1.1 or HTTP/1.0"),
        (b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"CONNECT is not supported"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"Invalid HTTP request received"),
    ],
)
async def test_a_rejected_request_head_ends_the_connection(
    shared_gateway: Gateway, sent: bytes, detail: bytes | None
) -> None:
    async with connected(shared_gateway) as (reader, writer):
        writer.write(sent)
        if detail is not None:
            status, body = await answer(reader)
            assert (status, body) == (400, b'{"detail": "%s"}' % detail)
            assert await reader.read() == b""
        else:
            await reader.read()  # returns only if the connection ends
    assert (await shared_gateway.http.get("/health/live")).status_code == 200


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /nothing HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        POST + CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + SMUGGLED,
        POST + b"Content-Length: 40\r\nContent-Length: 40\r\n\r\n" + SMUGGLED,
        POST + b"Content-Length: 0, 40\r\n\r\n" + SMUGGLED,
        POST + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
        POST + b"Content-Length: 0\r\n 40\r\n\r\n" + SMUGGLED,
        POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        POST + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"A: b\n" + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"A: b\rContent-Length: 40\r\n\r\n" + SMUGGLED,
        POST + b"\nGET /smuggled HTTP/1.1\n\n",
        POST + CHUNKED + b"\r\n3\nabc\n0\n\n" + SMUGGLED,
        POST + CHUNKED + b"\r\n3\r\nabcd\r\n0\r\n\r\n" + SMUGGLED,
        POST + CHUNKED + b"\r\n0\r\n\n" + SMUGGLED,
        POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n"
        + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    ],
)  # fmt: skip
async def test_an_ambiguous_body_length_does_not_smuggle_a_second_request(
    shared_gateway: Gateway, sent: bytes
) -> None:
    before = await counted(shared_gateway)
    async with connected(shared_gateway) as (reader, writer):
        writer.write(sent)
        found = await reader.read()
    assert found.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 ")), found
    assert found.count(b"HTTP/1.1 ") == 1
    assert await counted(shared_gateway) == before


async def counted(gateway: Gateway) -> list[str]:
    """Return the counters of GETs that reached the application and matched no route."""
    lines = (await gateway.http.get("/metrics")).text.splitlines()
    return [line for line in lines if line.startswith('http_requests_total{method="GET",route="n')]


UPGRADE = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")


@pytest.mark.parametrize("cut", [None, 10, 60, 150])
async def test_an_upgrade_header_is_ignored_and_the_body_is_read(
    shared_gateway: Gateway, cut: int | None
) -> None:
    asked = post(shared_gateway, *UPGRADE, length())
    chunks = b"5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (BODY[:5], len(BODY) - 5, BODY[5:])
    packed = post(shared_gateway, *UPGRADE, b"Transfer-Encoding: chunked", body=chunks)
    sent = asked + packed + LIVE
    parts = [sent] if cut is None else [sent[at : at + cut] for at in range(0, len(sent), cut)]
    first, second, third = await answers(shared_gateway, *parts, count=3)
    for status, body in (first, second):
        assert status == 400
        assert body.startswith(b'{"detail":"Unsupported language: cobol.')
    assert third[0] == 200


async def test_a_trailer_is_not_used_as_a_header(shared_gateway: Gateway) -> None:
    key = shared_gateway.cluster.keys["first"].encode()
    sent = (
        b"POST /api/v1/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-API-Key: " + key + b"\r\n\r\n"
    )
    ((status, _),) = await answers(shared_gateway, sent)
    assert status == 401


async def test_a_body_in_too_many_chunks_is_400(shared_gateway: Gateway) -> None:
    chunks = b"1\r\n \r\n" * (incoming.CHUNKS + 1)
    sent = post(shared_gateway, b"Transfer-Encoding: chunked", body=chunks)
    ((status, body),) = await answers(shared_gateway, sent)
    assert (status, body) == (400, b'{"detail": "body: must have at most 16384 chunks"}')
