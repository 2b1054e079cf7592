"""Many large bodies at a time: the memory they take, and their effect on other requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import tracemalloc
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from support.fixtures.gateway import Start

from cloche_api.limits import MIB
from cloche_gateway.requests import body as bodies

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

JSON = {"Content-Type": "application/json"}
SMALL = {"code": "print(1)", "language": "python"}
LARGE = {
    "code": "🎈" + "a" * 250_000,
    "stdin": "🎈" + "b" * 250_000,
    "files": [{"path": "f", "content": "🎈" + "c" * 150_000}],
    "language": "python",
}
"""A request of nearly the largest size. It takes 2.6 MB of memory when parsed."""


def escaped(request: dict[str, Any]) -> bytes:
    """Return the request as JSON with its texts as escapes: nearly 4 MiB."""
    plain = json.dumps(request)
    for letter in "abc":
        plain = plain.replace(letter * 100, f"\\u00{ord(letter):x}" * 100)
    return plain.encode()


@pytest.mark.parametrize("route", ["execute", "execute/async", "execute/batch", "sessions"])
async def test_a_large_body_is_parsed_in_a_thread(
    shared_gateway: Gateway, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    parse, readers = bodies.parse, list[str]()

    def noted(body: bytes, requests: int = 1) -> Any:
        readers.append(threading.current_thread().name)
        return parse(body, requests)

    monkeypatch.setattr(bodies, "parse", noted)
    for body in (b'{"x":"' + b"a" * 100_000 + b'"}', b"{}"):
        answer = await shared_gateway.http.post(f"/api/v1/{route}", content=body, headers=JSON)
        assert answer.status_code == 400
    assert readers == ["parser_0", threading.main_thread().name]


async def test_a_waiting_request_does_not_keep_its_body_in_memory(gateway: Gateway) -> None:
    body, count = escaped(LARGE), 6
    assert len(body) > 3.5 * MIB
    tracemalloc.start()
    try:
        asked = [
            asyncio.create_task(gateway.http.post("/api/v1/execute", content=body, headers=JSON))
            for _ in range(count)
        ]
        await gateway.until(lambda: len(gateway.context.waiters._looks) == count, "all to wait", 40)
        await gateway.until(lambda: gateway.context.budget.used == 0, "nothing to be charged")
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < MIB * count / 2
    assert peak < 100 * MIB, "and the peak is not that of all bodies together"
    for execution in await gateway.cluster.executions():
        await gateway.cluster.end(execution["metadata"]["name"])
    assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}


async def test_a_waiting_batch_does_not_keep_its_body_in_memory(gateway: Gateway) -> None:
    item = {"code": "🎈" + "a" * 250_000, "language": "python"}
    body = json.dumps([item] * 10).encode()
    tracemalloc.start()
    try:
        asked = asyncio.create_task(
            gateway.http.post("/api/v1/execute/batch", content=body, headers=JSON)
        )
        await gateway.until(lambda: len(gateway.context.waiters._looks) == 10, "all to wait", 40)
        await gateway.until(lambda: gateway.context.budget.used == 0, "nothing to be charged")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 4 * MIB, "of 10; each connection to the API server has a buffer of 256 KiB"
    for execution in await gateway.cluster.executions():
        await gateway.cluster.end(execution["metadata"]["name"])
    assert (await asked).status_code == 200


@contextlib.asynccontextmanager
async def upload(gateway: Gateway, size: int, key: str = "first") -> AsyncIterator[Any]:
    """Send all but the last byte of a body of `size` + 1 bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
    head = f"POST /api/v1/execute HTTP/1.1\r\nHost: x\r\nX-API-Key: {gateway.cluster.keys[key]}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {size + 1}\r\n\r\n"
    writer.write(head.encode() + b" " * size)
    await writer.drain()
    try:
        yield reader
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_slow_uploads_of_a_tenant_are_limited_in_bytes(start: Start) -> None:
    async with start(memory_limit_mib=256) as gateway, contextlib.AsyncExitStack() as stack:
        budget, size = gateway.context.budget, 4 * MIB - 1
        fit = budget.most // size
        for _ in range(fit):
            await stack.enter_async_context(upload(gateway, size))
        await gateway.until(lambda: budget.used == fit * size, "the uploads to be charged")
        beyond = await stack.enter_async_context(upload(gateway, size))
        head = await beyond.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 5\r\n" in head.lower()
        # Uploads of another tenant, and small requests of this one, are still accepted.
        async with upload(gateway, size, key="other"):
            await gateway.until(lambda: budget.of("globex") == size, "the other's upload")
        assert (await gateway.run(SMALL)).status_code == 200
        await stack.aclose()
        await gateway.until(lambda: budget.used == 0, "nothing to be charged")


async def test_a_rejected_request_returns_its_memory_charge(gateway: Gateway) -> None:
    for route in ("execute", "execute/async", "execute/batch", "sessions"):
        body = b'{"x":"' + b"a" * 100_000 + b'"}'
        await gateway.http.post(f"/api/v1/{route}", content=body, headers=JSON)
    assert gateway.context.budget.used == 0
