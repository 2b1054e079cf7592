"""When Redis counts as unavailable, and how requests are handled meanwhile."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import Counter
from redis import RedisError

from cloche_gateway.limits import rates
from cloche_gateway.limits.rates import Quota

_CALLER = cast("Any", SimpleNamespace(rate=1000, key="k"))


class _Store:
    """Windows that answer after some time, or raise RedisError."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_away = False
        self.asked = 0

    async def charge(self, *_: object) -> Quota:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        if self.is_away:
            raise RedisError
        return Quota(passed=True, limit=1000, remaining=7, reset=0)


@pytest.fixture(name="store")
def _store() -> _Store:
    return _Store(0.02)


@pytest.fixture(name="limits")
def _limits(store: _Store) -> rates.Rates:
    settings = SimpleNamespace(rate_limit_redis_url=None, rate_limit_fail_open=True)
    made = rates.Rates(cast("Any", settings), Counter("failures", "", registry=None))
    made._windows = store
    return made


async def test_a_burst_of_charges_does_not_time_out(
    limits: rates.Rates, store: _Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "_SECONDS", 2.0)
    store.seconds = 0.15
    count = 16 * 16  # 16 turns, which together take longer than the timeout of one charge
    quotas = await asyncio.gather(*(limits.charge(_CALLER) for _ in range(count)))
    assert store.asked == count
    assert None not in quotas


async def test_waiting_charges_do_not_query_an_unavailable_store(
    limits: rates.Rates, store: _Store
) -> None:
    store.is_away = True
    quotas = await asyncio.gather(*(limits.charge(_CALLER) for _ in range(100)))
    assert quotas == [None] * 100
    assert store.asked == 16


async def test_one_charge_at_a_time_tests_whether_the_store_is_back(
    limits: rates.Rates, store: _Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "_AWAY_SECONDS", 0.0)
    store.is_away = True
    await limits.charge(_CALLER)
    await asyncio.gather(*(limits.charge(_CALLER) for _ in range(16)))
    assert store.asked == 2
    store.is_away = False
    assert await limits.charge(_CALLER)
    quotas = await asyncio.gather(*(limits.charge(_CALLER) for _ in range(16)))
    assert None not in quotas
