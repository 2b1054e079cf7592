"""API keys of dialects: where they are, and requests without one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.clients.dialects import answered
from support.data.dialects import READS, ROUTES, RUNS, DialectRoute
from support.fixtures.gateway import Start

from cloche_gateway.dialects import ROUTERS
from cloche_gateway.settings import DialectName

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

KEYLESS = (DialectName.PISTON, DialectName.SANDBOX_FUSION, DialectName.JUDGE0, DialectName.JOBE)
NO_KEY = {"X-API-Key": ""}


def read_paths() -> list[tuple[DialectName, str]]:
    """Every path that is read, of the dialects that are served."""
    return [(one, path.format("0")) for one in READS if ROUTERS[one] for path in READS[one]]


@pytest.mark.parametrize("route", ROUTES, ids=str)
@pytest.mark.parametrize("key", ["", "wrong"])
async def test_a_request_without_a_valid_key_is_denied_before_its_body_arrives(
    dialects: Gateway, route: DialectRoute, key: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", dialects.server.bound_port)
    head = f"{route.method} {route.path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 99\r\n\r\n".encode())
    async with asyncio.timeout(10):
        line = await reader.readline()
    assert int(line.split()[1]) in ({route.denied} if not key else {401, 403})
    writer.close()
    await writer.wait_closed()
    assert await dialects.cluster.executions() == []


@pytest.mark.parametrize(("dialect", "path"), read_paths())
async def test_nothing_is_read_without_a_key(
    dialects: Gateway, dialect: DialectName, path: str
) -> None:
    answer = await dialects.http.get(path, headers=NO_KEY)
    assert answer.status_code in {401, 403}, dialect


async def keyless(gateway: Gateway, route: DialectRoute, **status: Any) -> httpx.Response:
    request = gateway.http.request(route.method, route.path, json=route.body, headers=NO_KEY)
    answer, spec = await answered(gateway, request, **status)
    assert spec["tenant"] == "globex"
    return answer


async def test_a_keyless_dialect_has_the_rights_of_the_key_that_it_names(start: Start) -> None:
    """That of the key `other`, whose tenant is globex."""
    names = dict.fromkeys(KEYLESS, "other")
    async with start(dialects=tuple(DialectName), keyless=names) as gateway:
        for route in RUNS:
            if route.dialect in KEYLESS:
                assert (await keyless(gateway, route)).status_code < 300, route
        others = [route for route in RUNS if route.dialect not in KEYLESS]
        for route in others:
            answer = await gateway.http.request(route.method, route.path, headers=NO_KEY)
            assert answer.status_code == route.denied
        denied = await gateway.http.post("/api/v1/execute", json={}, headers=NO_KEY)
        assert denied.status_code == 401


async def test_a_wrong_key_is_denied_also_by_a_keyless_dialect(start: Start) -> None:
    names = dict.fromkeys(KEYLESS, "other")
    async with start(dialects=tuple(DialectName), keyless=names) as gateway:
        for route in ROUTES:
            answer = await gateway.http.request(
                route.method, route.path, json=route.body, headers={"X-API-Key": "wrong"}
            )
            assert answer.status_code in {401, 403}, route
        assert await gateway.cluster.executions() == []


async def test_a_name_without_a_key_grants_nothing(start: Start) -> None:
    names = dict.fromkeys(KEYLESS, "nobody")
    async with start(dialects=tuple(DialectName), keyless=names) as gateway:
        for route in ROUTES:
            answer = await gateway.http.request(
                route.method, route.path, json=route.body, headers=NO_KEY
            )
            assert answer.status_code == route.denied, route


async def test_a_key_that_a_request_has_counts_also_in_a_keyless_dialect(start: Start) -> None:
    names = dict.fromkeys(KEYLESS, "other")
    async with start(dialects=tuple(DialectName), keyless=names) as gateway:
        for route in RUNS:
            request = gateway.http.request(route.method, route.path, json=route.body)
            _, spec = await answered(gateway, request)
            assert spec["tenant"] == "acme", route


async def test_a_dialect_that_is_off_is_404(start: Start) -> None:
    async with start(dialects=()) as gateway:
        for route in ROUTES:
            answer = await gateway.http.request(route.method, route.path, json=route.body)
            assert answer.status_code == 404, route
        for _, path in read_paths():
            assert (await gateway.http.get(path)).status_code == 404


async def test_rates_without_a_key_are_those_of_the_named_key(start: Start) -> None:
    names = dict.fromkeys(KEYLESS, "other")
    route = next(one for one in RUNS if one.dialect is DialectName.SANDBOX_FUSION)
    async with start(
        dialects=tuple(DialectName), keyless=names, rate_limit_per_minute=1
    ) as gateway:
        await keyless(gateway, route)
        answer = await gateway.http.post(route.path, json=route.body, headers=NO_KEY)
        assert answer.status_code == 504


async def test_rejected_requests_over_a_rate_are_delayed_whatever_their_status(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dialect may have another status than 429 for them."""
    delayed = list[str]()

    async def noted(_: Any, __: Any, tenant: str) -> None:
        delayed.append(tenant)

    async with start(dialects=tuple(DialectName), rate_limit_per_minute=1) as gateway:
        await gateway.start()
        monkeypatch.setattr("cloche_gateway.limits.pace.Pace.refusal", noted)
        for route in RUNS:
            await gateway.http.request(route.method, route.path, json=route.body)
        assert delayed == ["acme"] * len(RUNS)
