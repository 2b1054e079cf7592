"""The queue for starts of Pods."""

from __future__ import annotations

import asyncio

import pytest
from support.deadline import settled

from cloche_operator.pools import throttle
from cloche_operator.pools.throttle import Starts

BOUND_SECONDS = 10.0


class StartQueue:
    """Starts of several tenants, in the order in which they began."""

    def __init__(self, most: int, **parts: float) -> None:
        self.now = 0.0
        self.starts = Starts(lambda: most, lambda tenant: parts.get(tenant, 0.0), lambda: self.now)
        self.began: list[str] = []
        self.over: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, *names: str) -> None:
        """Request starts. The first character of each name is the tenant."""
        for name in names:
            self.over[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._start(name))
        await settled()

    async def end(self, name: str) -> None:
        self.over[name].set()
        await settled()

    async def cancel(self, name: str) -> None:
        self.tasks[name].cancel()
        await settled()

    async def _start(self, name: str) -> None:
        async with self.starts.one(name[0]):
            self.began.append(name)
            await self.over[name].wait()


async def test_the_tenant_with_the_fewest_starts_is_next() -> None:
    queue = StartQueue(2)
    await queue.ask("a1", "a2", "a3", "a4", "b1", "b2")
    assert queue.began == ["a1", "a2"]
    await queue.end("a1")
    assert queue.began[2:] == ["b1"]
    await queue.end("a2")
    assert queue.began[3:] == ["a3"], "both have one, so the longest waiter is next"
    await queue.end("b1")
    assert queue.began[4:] == ["b2"]


@pytest.mark.parametrize("name", ["a1", "a2"])
async def test_a_cancelled_start_frees_its_place(name: str) -> None:
    queue = StartQueue(1)
    await queue.ask("a1", "a2", "a3")
    await queue.cancel(name)
    await queue.end("a1")
    await queue.end("a2")
    assert queue.began[-1] == "a3"


async def test_a_start_cancelled_at_its_turn_frees_its_place() -> None:
    queue = StartQueue(1)
    async with queue.starts.one("c"):
        await queue.ask("a1", "b1")
    await queue.cancel("a1")
    assert queue.began == ["b1"]
    await queue.end("b1")


async def test_a_slow_start_does_not_delay_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(throttle, "_HELD_SECONDS", 0.0)
    queue = StartQueue(1)
    await queue.ask("a1")
    async with asyncio.timeout(BOUND_SECONDS), queue.starts.one("b"):
        await queue.end("a1")
    await queue.ask("a2", "a3")
    assert queue.began[:2] == ["a1", "a2"], "the end of the slow start is counted once"
    for task in queue.tasks.values():
        task.cancel()


async def test_the_largest_tenant_has_a_quarter_of_the_starts_while_others_are_active() -> None:
    queue = StartQueue(8, a=0.9, b=0.1)
    queue.starts.active("a")
    await queue.ask("a1", "a2", "a3")
    assert queue.began == ["a1", "a2", "a3"], "no other tenant is active"
    queue.starts.active("b")
    await queue.ask("a4")
    await queue.ask("b1", "b2", "b3")
    assert queue.began[3:] == ["b1", "b2", "b3"]
    await queue.end("a1")
    assert len(queue.began) == 6
    await queue.end("a2")
    assert queue.began[6:] == ["a4"]


async def test_the_largest_tenant_comes_after_the_others() -> None:
    queue = StartQueue(2, a=0.9, b=0.1)
    for tenant in "ab":
        queue.starts.active(tenant)
    await queue.ask("b1", "b2", "a1", "b3")
    await queue.end("b1")
    assert queue.began == ["b1", "b2", "b3"], "a has no start under way, but holds most"
    await queue.end("b2")
    assert queue.began[3:] == ["a1"]


async def test_a_tenant_that_ran_nothing_for_ten_seconds_is_not_active() -> None:
    queue = StartQueue(8, a=0.9)
    for tenant in "ba":
        queue.starts.active(tenant)
    queue.now = 11.0
    queue.starts.active("a")
    await queue.ask("a1", "a2", "a3")
    assert queue.began == ["a1", "a2", "a3"]


async def test_a_tenant_that_waits_for_its_start_is_active_however_long_it_waits() -> None:
    queue = StartQueue(4, a=0.9, b=0.1)
    for tenant in "ba":
        queue.starts.active(tenant)
    await queue.ask("b1", "a1")
    queue.now = 11.0
    queue.starts.active("a")
    await queue.ask("a2")
    assert queue.began == ["b1", "a1"], "the tenant b still waits for its Pod"
    await queue.end("b1")
    assert queue.began == ["b1", "a1", "a2"]


async def test_pools_can_use_all_starts() -> None:
    queue = StartQueue(4)
    for tenant in "ab":
        queue.starts.active(tenant)
    for _ in range(4):
        async with asyncio.timeout(BOUND_SECONDS), queue.starts.one(""):
            pass
    under_way = [asyncio.create_task(queue.starts.one("").__aenter__()) for _ in range(4)]
    await asyncio.wait_for(asyncio.gather(*under_way), BOUND_SECONDS)
