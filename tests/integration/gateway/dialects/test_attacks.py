"""Bodies and readers that cost a gateway memory, sent to every route of a dialect."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from support.data.dialects import ROUTES, RUNS, DialectRoute, changed
from support.fixtures.gateway import Start

from cloche_api.limits import MIB
from cloche_gateway.settings import DialectName

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

JSON = {"Content-Type": "application/json"}
_PACKED = gzip.compress(b" " * 50_000_000, compresslevel=1)
_PADDING = b" " * 3 * MIB
_AT_ONCE = 4
_WAITED_FOR = [one for one in RUNS if one.dialect != DialectName.JUDGE0]
"""Routes whose answer is the result. Judge0 answers with a token unless `?wait=true`."""


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_a_compressed_body_is_refused_without_being_expanded(
    dialects: Gateway, route: DialectRoute
) -> None:
    headers = JSON | {"Content-Encoding": "gzip"}
    answer = await dialects.http.request(route.method, route.path, content=_PACKED, headers=headers)
    assert answer.status_code < 500
    assert "compressed bodies are not supported" in answer.text
    assert dialects.context.budget.used == dialects.context.uploads.total()


@pytest.mark.parametrize("route", RUNS, ids=str)
async def test_a_request_whose_program_waits_does_not_keep_its_body(
    dialects: Gateway, route: DialectRoute
) -> None:
    body = _PADDING + json.dumps(changed(route, "print(1) #" + "x" * 200_000)).encode()
    before = len(await dialects.cluster.executions())

    async def are_created() -> bool:
        return len(await dialects.cluster.executions()) == before + _AT_ONCE

    tracemalloc.start()
    try:
        asked = [
            asyncio.create_task(
                dialects.http.request(route.method, route.path, content=body, headers=JSON)
            )
            for _ in range(_AT_ONCE)
        ]
        await dialects.until(are_created, "all executions")
        kept_bytes = dialects.context.uploads.total()
        await dialects.until(
            lambda: dialects.context.budget.used == kept_bytes, "nothing else to be charged"
        )
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < _AT_ONCE * MIB
    for execution in await dialects.cluster.executions():
        await dialects.cluster.end(execution["metadata"]["name"])
    answers = await asyncio.gather(*asked)
    assert {answer.status_code // 100 for answer in answers} == {2}


@pytest.mark.parametrize(
    "path",
    [
        "/submissions/{}?base64_encoded=true",
        "/submissions/batch?base64_encoded=true&tokens={}",
        "/api/v1/executions/{}/events",
    ],
)
async def test_a_client_that_does_not_read_a_record_is_disconnected(
    start: Start, path: str
) -> None:
    settings: dict[str, Any] = {"dialects": tuple(DialectName), "send_timeout_seconds": 0.3}
    async with start(**settings) as gateway, gateway.slow_client() as stuck:
        asked = {"language_id": 71, "source_code": "print(1)"}
        name = (await gateway.http.post("/submissions", json=asked)).json()["token"]
        await gateway.cluster.end(name, stdout="x" * 250_000)
        before = gateway.connections
        key = gateway.cluster.keys["first"]
        stuck.sendall(f"GET {path} HTTP/1.1\r\nX-API-Key: {key}\r\n\r\n".format(name).encode())
        await gateway.until(lambda: gateway.connections == before - 1, "the disconnect")
        await gateway.until(lambda: gateway.context.in_flight.of("first") == 0, "the end")


@pytest.mark.parametrize("route", _WAITED_FOR, ids=str)
async def test_a_client_that_does_not_read_a_result_is_disconnected(
    start: Start, route: DialectRoute
) -> None:
    settings: dict[str, Any] = {"dialects": tuple(DialectName), "send_timeout_seconds": 0.3}
    async with start(**settings) as gateway, gateway.slow_client() as stuck:
        before = gateway.connections
        stuck.sendall(_request(gateway, route))
        execution = await gateway.cluster.pending()
        await gateway.cluster.end(execution["metadata"]["name"], stdout="\0" * 100_000)
        await gateway.until(lambda: gateway.connections < before, "the disconnect")
        await gateway.until(lambda: gateway.context.in_flight.of("first") == 0, "the end")
        assert gateway.context.budget.used == 0


def _request(gateway: Gateway, route: DialectRoute) -> bytes:
    body = json.dumps(route.body).encode()
    head = (
        f"{route.method} {route.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"X-API-Key: {gateway.cluster.keys['first']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
