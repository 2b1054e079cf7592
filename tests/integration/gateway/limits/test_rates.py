"""Rate limits of API keys."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest
from support.fixtures.gateway import Start

PATH = "/api/v1/execute/async"
HELLO = {"code": "print(1)", "language": "python"}


def limit_and_remaining(answer: httpx.Response) -> tuple[int, int]:
    return int(answer.headers["RateLimit-Limit"]), int(answer.headers["RateLimit-Remaining"])


async def test_requests_over_the_rate_limit_are_429(start: Start) -> None:
    async with start(rate_limit_per_minute=5) as gateway:
        answers = await asyncio.gather(*(gateway.http.post(PATH, json=HELLO) for _ in range(8)))
        assert sorted(a.status_code for a in answers) == [202] * 5 + [429] * 3
        refused = next(a for a in answers if a.status_code == 429)
        assert refused.json() == {"detail": "Rate limit exceeded. Please try again later."}
        assert limit_and_remaining(refused) == (5, 0)
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]
        assert len(await gateway.cluster.executions()) == 5


async def test_429_responses_to_a_tenant_that_keeps_sending_are_delayed(start: Start) -> None:
    async with start(rate_limit_per_minute=1) as gateway:
        assert (await gateway.http.post(PATH, json=HELLO)).status_code == 202
        began = time.monotonic()
        answers = await asyncio.gather(*(gateway.http.post(PATH, json=HELLO) for _ in range(65)))
        assert {answer.status_code for answer in answers} == {429}
        assert time.monotonic() - began >= 1.4, "50 at once, and 15 more at 10 a second"
        assert gateway.context.in_flight.of("first") == 0
        assert gateway.context.budget.used == 0


async def test_each_key_has_its_own_rate_limit(start: Start) -> None:
    async with start(rate_limit_per_minute=1) as gateway:
        assert (await gateway.http.post(PATH, json=HELLO)).status_code == 202
        other = {"X-API-Key": gateway.cluster.keys["other"]}
        assert (await gateway.http.post(PATH, json=HELLO, headers=other)).status_code == 202
        assert (await gateway.http.post(PATH, json=HELLO)).status_code == 429


@pytest.mark.parametrize(
    "request_of",
    [
        {"json": {**HELLO, "timeout": 0}},
        {"json": {**HELLO, "language": "cobol"}},
        {"content": b"{"},
        {"content": b"x", "headers": {"Content-Type": "text/plain"}},
    ],
)
async def test_a_request_answered_with_400_counts_against_the_rate_limit(
    start: Start, request_of: dict[str, Any]
) -> None:
    async with start(rate_limit_per_minute=10) as gateway:
        answer = await gateway.http.post("/api/v1/execute", **request_of)
        assert (answer.status_code, limit_and_remaining(answer)) == (400, (10, 9))


async def test_a_batch_counts_each_item_and_is_rejected_as_a_whole(start: Start) -> None:
    async with start(rate_limit_per_minute=5) as gateway:
        batch = "/api/v1/execute/batch"
        items = [{"code": "x", "language": "cobol"}]
        first = await gateway.http.post(batch, json=items * 3)
        assert (first.status_code, limit_and_remaining(first)) == (200, (5, 2))
        refused = await gateway.http.post(batch, json=items * 3)
        assert (refused.status_code, limit_and_remaining(refused)) == (429, (5, 2))
        assert limit_and_remaining(await gateway.http.post(batch, json=items * 2)) == (5, 0)


async def test_a_request_with_a_wrong_key_does_not_count_against_the_rate_limit(
    start: Start,
) -> None:
    async with start(rate_limit_per_minute=1) as gateway:
        for _ in range(3):
            answer = await gateway.http.post(PATH, json=HELLO, headers={"X-API-Key": "wrong"})
            assert answer.status_code == 403
            assert "RateLimit-Limit" not in answer.headers
        assert (await gateway.http.post(PATH, json=HELLO)).status_code == 202


async def test_a_status_request_does_not_count_against_the_execution_rate(start: Start) -> None:
    async with start(rate_limit_per_minute=1) as gateway:
        name = (await gateway.http.post(PATH, json=HELLO)).json()["execution_id"]
        for _ in range(3):
            answer = await gateway.http.get(f"/api/v1/execute/status/{name}")
            assert answer.status_code == 200
