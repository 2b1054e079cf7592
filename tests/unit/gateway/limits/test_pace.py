"""Delays of responses to clients without a key, to pipelined requests, and of 429s."""

from __future__ import annotations

import asyncio

import pytest

from cloche_gateway.limits.bytes import Budget
from cloche_gateway.limits.pace import Connection, Pace

_MIB = 1024 * 1024


class _Client:
    """A connection that records whether it was ended."""

    def __init__(self, *, has_more: bool = False) -> None:
        self.ended = False
        self.connection = Connection(self._end, lambda: has_more)

    def _end(self) -> None:
        self.ended = True


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The requested sleeps in seconds. They take no time."""
    asked: list[float] = []

    async def sleep(seconds: float) -> None:
        asked.append(seconds)

    monkeypatch.setattr("cloche_gateway.limits.pace.asyncio.sleep", sleep)
    return asked


@pytest.fixture
def pace() -> Pace:
    return Pace(Budget(100 * _MIB, 0.5))


async def test_a_connection_gets_20_responses_at_once_and_then_10_per_second(
    pace: Pace, sleeps: list[float]
) -> None:
    connection = _Client().connection
    for _ in range(20):
        await pace.answer(connection)
    assert not sleeps
    for _ in range(3):
        await pace.answer(connection)
    assert sleeps == pytest.approx([0.1, 0.2, 0.3], abs=0.05), "the clock has not advanced"


async def test_pipelined_requests_are_answered_twice_a_second(
    pace: Pace, sleeps: list[float]
) -> None:
    connection = _Client(has_more=True).connection
    for _ in range(20):
        await pace.answer(connection)
    assert not sleeps
    for _ in range(3):
        await pace.answer(connection)
    assert sleeps == pytest.approx([0.5, 1.0, 1.5], abs=0.05), "the clock has not advanced"


async def test_delayed_responses_of_all_connections_are_sent_100_times_a_second() -> None:
    pace, clients = Pace(Budget(100 * _MIB, 0.5)), [_Client() for _ in range(40)]
    for client in clients:
        client.connection.due = asyncio.get_running_loop().time()
    waiting = [asyncio.create_task(pace.answer(client.connection)) for client in clients]
    await asyncio.sleep(0)
    assert max(client.connection.due for client in clients) - clients[0].connection.due > 0.2
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    connection = _Client().connection
    connection.due = now = asyncio.get_running_loop().time()
    await pace.answer(connection)
    assert connection.due == pytest.approx(now + 0.1), "cancelled responses no longer count"


async def test_a_tenant_gets_50_rejections_at_once_and_then_10_per_second(
    pace: Pace, sleeps: list[float]
) -> None:
    client = _Client()
    for _ in range(50):
        await pace.refusal(client.connection, "eager")
    assert not sleeps
    for _ in range(3):
        await pace.refusal(client.connection, "eager")
    await pace.refusal(client.connection, "other")
    assert sleeps == pytest.approx([0.1, 0.2, 0.3], abs=0.05), "the clock has not advanced"
    assert not client.ended


async def test_a_rejection_that_would_wait_over_ten_seconds_ends_its_connection(
    pace: Pace, sleeps: list[float]
) -> None:
    client = _Client()
    while not client.ended:
        await pace.refusal(client.connection, "eager")
    assert 99 <= len(sleeps) <= 101
    other = _Client()
    await pace.refusal(other.connection, "other")
    assert not other.ended


async def test_requests_with_a_delayed_rejection_are_within_the_tenants_budget() -> None:
    budget = Budget(4 * _MIB, 0.5)
    pace, clients = Pace(budget), [_Client() for _ in range(80)]
    waiting = [asyncio.create_task(pace.refusal(one.connection, "eager")) for one in clients]
    await asyncio.sleep(0)
    kept = 2 * _MIB // (192 * 1024)
    assert budget.used == kept * 192 * 1024
    assert sum(client.ended for client in clients) == 80 - 50 - kept
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert budget.used == 0
