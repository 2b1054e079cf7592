"""Large, slow and malformed bodies, sent to every route of a dialect that takes one."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.data.dialects import ROUTES, RUNS, DialectRoute, changed
from support.fixtures.gateway import Start

from cloche_gateway.requests import body as bodies
from cloche_gateway.settings import DialectName

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

JSON = {"Content-Type": "application/json"}
MALFORMED = (
    b"",
    b"null",
    b"1",
    b'"text"',
    b"[]",
    b"{}",
    b"{",
    b"\xff\xfe{}",
    b'{"code": NaN}',
    b"[" * 10_000,
    b'{"a":' * 10_000,
    b"9" * 10_000,
    b'{"code":"1","code":"2"}',
    b"[" + b"{}," * 5000 + b"{}]",
)
VALUES: tuple[Any, ...] = (
    None,
    1,
    1.5,
    True,
    [],
    {},
    ["x"],
    "\ud800",
    "x" * 300_000,
    [[[]]],
    10**40,
)


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_a_malformed_body_is_the_clients_mistake(
    dialects: Gateway, route: DialectRoute
) -> None:
    for body in MALFORMED:
        answer = await dialects.http.request(route.method, route.path, content=body, headers=JSON)
        assert answer.status_code < 500, (body[:40], answer.text)
        assert "internal error" not in answer.text
        if answer.content:
            answer.json()
    assert await dialects.cluster.executions() == []
    assert dialects.context.budget.used == dialects.context.uploads.total()


@pytest.mark.parametrize("route", RUNS, ids=str)
async def test_anything_instead_of_the_program_is_the_clients_mistake(
    dialects: Gateway, route: DialectRoute
) -> None:
    for value in VALUES:
        answer = await dialects.http.request(
            route.method, route.path, content=json.dumps(changed(route, value)), headers=JSON
        )
        assert answer.status_code < 500, (str(value)[:40], answer.text)
        assert "internal error" not in answer.text


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_a_body_that_is_too_large_is_rejected_before_it_is_read_completely(
    dialects: Gateway, route: DialectRoute
) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 5 * 1024 * 1024:
            sent += 65536
            yield b" " * 65536

    answer = await dialects.http.request(route.method, route.path, content=endless(), headers=JSON)
    assert "body: must be at most 4 MiB" in answer.text
    assert answer.status_code < 500
    declared = await dialects.http.request(
        route.method, route.path, content=b" " * (5 * 1024 * 1024), headers=JSON
    )
    assert (declared.status_code, declared.text) == (answer.status_code, answer.text)
    assert dialects.context.budget.used == dialects.context.uploads.total()


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_a_large_body_is_parsed_in_a_thread(
    dialects: Gateway, monkeypatch: pytest.MonkeyPatch, route: DialectRoute
) -> None:
    parse, readers = bodies.parse, list[str]()

    def noted(body: bytes, requests: int = 1) -> Any:
        readers.append(threading.current_thread().name)
        return parse(body, requests)

    monkeypatch.setattr(bodies, "parse", noted)
    for body in (b'{"x":"' + b"a" * 100_000 + b'"}', b"{}"):
        await dialects.http.request(route.method, route.path, content=body, headers=JSON)
    assert readers == ["parser_0", threading.main_thread().name]


async def test_a_body_that_does_not_arrive_in_time_is_the_clients_mistake(start: Start) -> None:
    async with start(dialects=tuple(DialectName), body_timeout_seconds=0.3) as gateway:
        await asyncio.gather(*(_unfinished(gateway, route) for route in ROUTES))
        assert gateway.context.budget.used == 0


async def _unfinished(gateway: Gateway, route: DialectRoute) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
    head = f"{route.method} {route.path} HTTP/1.1\r\nHost: x\r\n"
    head += f"X-API-Key: {gateway.cluster.keys['first']}\r\nConnection: close\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    writer.write(head.encode() + b'{"code')
    async with asyncio.timeout(10):
        answer = await reader.read()
    assert b"did not arrive within 0.3 seconds" in answer, route
    assert int(answer.split()[1]) < 500
    writer.close()
    await writer.wait_closed()
