"""The pauses between requests that cost too much."""

from __future__ import annotations

import asyncio

import pytest

from cloche_gateway.pace import Pace


async def test_a_few_connections_pause_shortly_and_many_longer() -> None:
    pace, loop = Pace(), asyncio.get_running_loop()
    assert pace.seconds == pytest.approx(0.02)
    timers = [pace.pause(loop, lambda n=n: seen.append(n)) for n in range(79)]  # type: ignore[misc]  # bound now
    seen: list[int] = []
    assert pace.seconds == pytest.approx(0.2), "400 requests per second of all together"
    for timer in timers:
        timer.cancel()


async def test_a_pause_that_is_over_or_whose_connection_has_gone_counts_no_longer() -> None:
    pace, loop = Pace(), asyncio.get_running_loop()
    over = asyncio.Event()
    gone = [lambda: None for _ in range(79)]
    timers = [pace.pause(loop, then) for then in gone]
    for timer, then in zip(timers, gone, strict=True):
        timer.cancel()
        pace.end(then)
    pace.pause(loop, over.set)
    await asyncio.wait_for(over.wait(), 10)
    assert pace.seconds == pytest.approx(0.02)
