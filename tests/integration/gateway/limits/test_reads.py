"""Reads, waits and streams: their rate limit, their limit at a time, and their cost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from support.fixtures.gateway import Start

from cloche_gateway.cluster import waiters

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

START = "/api/v1/execute/async"
HELLO = {"code": "print(1)", "language": "python"}
READS = [
    ("GET", "/api/v1/execute/status/{}"),
    ("GET", "/api/v1/executions/{}"),
    ("GET", "/api/v1/executions/{}?wait=0"),
    ("GET", "/api/v1/executions/{}/events"),
    ("DELETE", "/api/v1/executions/{}"),
    ("DELETE", "/api/v1/executions/{}?purge=true"),
    ("GET", "/api/v1/sessions/{}"),
    ("DELETE", "/api/v1/sessions/{}"),
    ("GET", "/api/v1/execute/language/python/info"),
    ("GET", "/api/v1/warm-pool/status"),
]
UNKNOWN = "550e8400-e29b-41d4-a716-446655440000"


async def started(gateway: Gateway) -> str:
    name: str = (await gateway.http.post(START, json=HELLO)).json()["execution_id"]
    return name


@pytest.mark.parametrize(("method", "path"), READS)
async def test_a_read_counts_against_the_read_rate(
    shared_gateway: Gateway, method: str, path: str
) -> None:
    first = await shared_gateway.http.request(method, path.format(UNKNOWN))
    second = await shared_gateway.http.request(method, path.format(UNKNOWN))
    limit, left = (int(first.headers[f"RateLimit-{name}"]) for name in ("Limit", "Remaining"))
    assert limit == 3000
    assert int(second.headers["RateLimit-Remaining"]) == left - 1


async def test_a_key_over_its_read_rate_can_still_execute(start: Start) -> None:
    async with start(reads_per_minute=2) as gateway:
        name = await started(gateway)
        path = f"/api/v1/executions/{name}"
        answers = [await gateway.http.get(path) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
        assert (await gateway.http.post(START, json=HELLO)).status_code == 202


async def test_cleaning_up_a_session_counts_against_the_execution_rate(start: Start) -> None:
    async with start(rate_limit_per_minute=1) as gateway:
        path = "/api/v1/execute/session/x"
        answers = [await gateway.http.delete(path) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]


async def test_concurrent_requests_of_a_key_are_limited(start: Start) -> None:
    async with start(requests_per_key=3) as gateway:
        name = await started(gateway)
        path = f"/api/v1/executions/{name}?wait=30"
        waiting = [asyncio.create_task(gateway.http.get(path)) for _ in range(3)]
        await gateway.until(lambda: gateway.context.in_flight.of("first") == 3, "all to wait")
        refused = await gateway.http.get("/api/v1/warm-pool/status")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
        assert refused.json()["detail"].startswith(
            "Too many requests at a time: an API key may have 3 in progress."
        )
        other = {"X-API-Key": gateway.cluster.keys["other"]}
        answer = await gateway.http.get("/api/v1/warm-pool/status", headers=other)
        assert answer.status_code == 200
        await gateway.cluster.end(name)
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}
        await gateway.until(lambda: gateway.context.in_flight.of("first") == 0, "no request left")


async def test_a_client_that_disconnects_no_longer_counts_as_concurrent(gateway: Gateway) -> None:
    name = await started(gateway)
    asked = [
        asyncio.create_task(gateway.http.get(f"/api/v1/executions/{name}?wait=30")),
        asyncio.create_task(gateway.http.get(f"/api/v1/executions/{name}/events")),
    ]
    await gateway.until(lambda: gateway.context.in_flight.of("first") == 2, "both")
    for one in asked:
        one.cancel()
    await gateway.until(lambda: gateway.context.in_flight.of("first") == 0, "no request left")


async def test_clients_that_wait_for_one_execution_share_reads_without_output(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiters, "_LOOK_SECONDS", 0.1)
    kube = gateway.context.kube
    waiting = gateway.context.waiters
    state, get, looks, reads = waiting._state, kube.get, list[str | None](), list[str]()

    async def looked(path: str, since: str | None) -> tuple[str | None, str | None]:
        looks.append(since)
        return await state(path, since)

    async def read(path: str, **how: Any) -> dict[str, Any]:
        if "/sandboxexecutions/" in path:
            reads.append(path)
        return await get(path, **how)

    monkeypatch.setattr(waiting, "_state", looked)
    monkeypatch.setattr(kube, "get", read)
    name = await started(gateway)
    path = f"/api/v1/executions/{name}?wait=30"
    asked = [asyncio.create_task(gateway.http.get(path)) for _ in range(10)]
    await gateway.until(lambda: len(waiting._waiting.get(name, ())) == 10, "all to wait")
    assert len(waiting._looks) == 1
    assert len(waiting._checks) <= 1
    reads.clear()
    looks.clear()
    await gateway.until(lambda: len(looks) >= 3, "some looks")
    assert reads == []
    assert None not in looks[1:], "the regular ones do not read from etcd"
    await gateway.cluster.delete(name)
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {404}


async def test_a_periodic_read_finds_an_end_that_the_watch_missed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiters, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(gateway.context.waiters, "changed", lambda *_: None)
    name = await started(gateway)
    path = f"/api/v1/executions/{name}?wait=30"
    asked = [asyncio.create_task(gateway.http.get(path)) for _ in range(3)]
    await gateway.until(lambda: len(gateway.context.waiters) == 1, "the wait")
    await gateway.cluster.end(name)
    for answer in await asyncio.gather(*asked):
        assert answer.json()["status"] == "completed"
        assert answer.json()["result"]["stdout"] == "Hello, World!\n4\n"


async def test_the_number_of_concurrent_full_reads_is_limited(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube = gateway.context.kube
    get, under_way, most = kube.get, 0, 0

    async def counted(path: str, **how: Any) -> dict[str, Any]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await get(path, **how)
        finally:
            under_way -= 1

    names = [await started(gateway) for _ in range(3 * waiters._READS_AT_ONCE)]
    monkeypatch.setattr(kube, "get", counted)
    paths = [f"/api/v1/executions/{name}" for name in names]
    answers = await asyncio.gather(*map(gateway.http.get, paths))
    assert {answer.status_code for answer in answers} == {200}
    assert 1 < most <= waiters._READS_AT_ONCE
    assert len(gateway.context.reads) <= 2 * waiters._READS_AT_ONCE
