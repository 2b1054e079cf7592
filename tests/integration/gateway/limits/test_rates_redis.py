"""Rate limits of API keys that several gateways count together in a real Redis."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import ConnectionPool
from support.fixtures.gateway import Gateway, Start
from support.fixtures.redis import Redis, redis

from cloche_gateway.limits.rates import InRedis

PATH = "/api/v1/execute/async"
HELLO = {"code": "print(1)", "language": "python"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    with redis(tmp_path) as running:
        yield running


@contextlib.asynccontextmanager
async def windows(server: Redis) -> AsyncIterator[InRedis]:
    pool = ConnectionPool.from_url(server.url)
    yield InRedis(pool)
    await pool.aclose()


async def test_two_gateways_let_100_of_150_concurrent_requests_pass_a_rate_of_100(
    start: Start, server: Redis
) -> None:
    async with (
        start(rate_limit_redis_url=server.url) as one,
        start(rate_limit_redis_url=server.url) as two,
    ):
        answers = await asyncio.gather(
            *((one, two)[n % 2].http.post(PATH, json=HELLO) for n in range(150))
        )

        passed = [answer for answer in answers if answer.status_code == 202]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert (len(passed), len(refused)) == (100, 50)
        assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"100"}
        assert {answer.headers["RateLimit-Remaining"] for answer in refused} == {"0"}
        assert all(0 <= int(answer.headers["RateLimit-Remaining"]) < 100 for answer in passed)
        for answer in refused:
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
            assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]
        assert len(await one.cluster.executions()) == 100


@pytest.mark.parametrize("off", [-600, 600])
async def test_a_gateway_with_a_wrong_clock_counts_like_the_others(
    server: Redis, monkeypatch: pytest.MonkeyPatch, off: int
) -> None:
    async with windows(server) as shared:
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + off)
        first = await shared.charge(("key",), 3, 2)
        monkeypatch.setattr(time, "time", now)
        second = await shared.charge(("key",), 3, 1)
        third = await shared.charge(("key",), 3, 1)
    assert [one.passed for one in (first, second, third)] == [True, True, False]
    assert [one.remaining for one in (first, second, third)] == [1, 0, 0]
    assert all(1 <= one.reset <= 60 for one in (first, second, third))


async def test_charges_older_than_a_minute_or_from_the_future_are_dropped(
    server: Redis,
) -> None:
    async with windows(server) as shared:
        store: Any = shared._charge.registered_client
        for times in ([-70.0, -61.0], [600.0, -10.0]):
            for seconds in sorted(times):
                await store.lpush("cloche/window/key", str(time.time() + seconds))
            assert (await shared.charge(("key",), 1, 1)).passed
            assert not (await shared.charge(("key",), 1, 1)).passed


async def test_a_batch_is_charged_as_a_whole_or_not_at_all(start: Start, server: Redis) -> None:
    async with start(rate_limit_redis_url=server.url, rate_limit_per_minute=3) as gateway:
        batch = [{"code": "x"}] * 4
        assert (await gateway.http.post("/api/v1/execute/batch", json=batch)).status_code == 429
        answer = await gateway.http.post("/api/v1/execute/batch", json=batch[:3])
        assert (answer.status_code, answer.headers["RateLimit-Remaining"]) == (200, "0")


def failures(gateway: Gateway) -> float:
    text = gateway.context.metrics.text().decode()
    line = next(
        line for line in text.splitlines() if line.startswith("gateway_rate_limit_failures_total")
    )
    return float(line.split()[-1])


@pytest.mark.parametrize("how", ["gone", "frozen"])
@pytest.mark.parametrize("status", [202, 503], ids=["open", "closed"])
async def test_requests_pass_or_are_503_by_setting_while_redis_is_away(
    start: Start, server: Redis, caplog: pytest.LogCaptureFixture, how: str, status: int
) -> None:
    async with start(
        rate_limit_redis_url=server.url, rate_limit_fail_open=status == 202
    ) as gateway:
        assert (await gateway.http.post(PATH, json=HELLO)).status_code == 202
        server.freeze() if how == "frozen" else server.stop()

        answers = [await gateway.http.post(PATH, json=HELLO) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [status] * 3
        assert all("RateLimit-Limit" not in answer.headers for answer in answers)
        assert all("Retry-After" in answer.headers for answer in answers if status == 503)
        assert failures(gateway) == 3
        assert "rate limit store does not answer" in caplog.text
        assert "secret" not in caplog.text


async def test_requests_are_counted_again_once_redis_is_back(start: Start, server: Redis) -> None:
    async with start(rate_limit_redis_url=server.url) as gateway:
        server.stop()
        assert (await gateway.http.post(PATH, json=HELLO)).status_code == 202
        server.start()

        async def counted() -> bool:
            answer = await gateway.http.post(PATH, json=HELLO)
            return "RateLimit-Remaining" in answer.headers

        await gateway.until(counted, "requests to be counted")
