"""Requests that are not HTTP, and request heads that are too large or too late."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from cloche_gateway.http import incoming

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway


async def raw(gateway: Gateway, *parts: bytes) -> tuple[bytes, dict[str, Any]]:
    """Send raw bytes and return the status line and the JSON body of the response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
    with contextlib.suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
    answer = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    head, _, content = answer.partition(b"\r\n\r\n")
    assert b"x-request-id: " in head
    return head.split(b"\r\n")[0], json.loads(content)


@pytest.mark.parametrize(
    "sent",
    [
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",  # TLS
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
async def test_bytes_that_are_not_http_are_400(shared_gateway: Gateway, sent: bytes) -> None:
    status, body = await raw(shared_gateway, sent)
    assert status == b"HTTP/1.1 400 Bad Request"
    assert body == {"detail": "Invalid HTTP request received"}


async def test_headers_over_64_kib_are_400(shared_gateway: Gateway) -> None:
    status, body = await raw(
        shared_gateway, b"GET / HTTP/1.1\r\nX: ", *[b"x" * 4096 for _ in range(16)]
    )
    assert status == b"HTTP/1.1 400 Bad Request"
    assert body == {"detail": "headers: must be at most 64 KiB"}


async def test_headers_that_do_not_arrive_in_time_are_400(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "HEAD_SECONDS", 0.2)
    for start in (b"", b"GET / HT"):
        status, body = await raw(gateway, start)
        assert status == b"HTTP/1.1 400 Bad Request"
        assert body == {"detail": "headers: did not arrive within 0.2 seconds"}
    # The time limit does not apply to the execution of a complete request.
    answer = await gateway.run({"code": "print(1)", "language": "python"})
    assert answer.status_code == 200
