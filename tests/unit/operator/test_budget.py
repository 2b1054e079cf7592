from __future__ import annotations

import asyncio

from cloche_operator.budget import Budget, Hold


async def settled() -> None:
    """Let every task that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def held(budget: Budget, size: int) -> Hold:
    hold = budget.try_hold(size)
    assert hold is not None
    return hold


async def test_no_more_is_held_than_there_is() -> None:
    budget = Budget(10)
    first = held(budget, 7)
    assert budget.try_hold(4) is None
    second = held(budget, 3)
    first.release()
    first.release()
    assert budget.used == 3
    second.release()
    assert budget.used == 0


async def test_first_come_first_served() -> None:
    budget = Budget(10)
    first = held(budget, 7)
    large = asyncio.create_task(budget.hold(8))
    small = asyncio.create_task(budget.hold(1))
    await settled()
    assert not small.done()
    assert budget.try_hold(1) is None, "it would overtake those who wait"
    first.release()
    await settled()
    assert large.done()
    assert small.done()
    assert budget.used == 9


async def test_more_than_all_counts_as_all() -> None:
    budget = Budget(10)
    first = held(budget, 1)
    huge = asyncio.create_task(budget.hold(1000))
    await settled()
    assert not huge.done()
    first.release()
    (await huge).release()
    assert budget.used == 0


async def test_who_is_cancelled_lets_the_next_pass() -> None:
    budget = Budget(10)
    first = held(budget, 7)
    large = asyncio.create_task(budget.hold(8))
    small = asyncio.create_task(budget.hold(1))
    await settled()
    large.cancel()
    await settled()
    assert small.done()
    first.release()
    assert budget.used == 1


async def test_who_is_cancelled_in_the_moment_of_its_turn_gives_it_back() -> None:
    budget = Budget(10)
    first = held(budget, 10)
    waiting = asyncio.create_task(budget.hold(10))
    behind = asyncio.create_task(budget.hold(5))
    await settled()
    first.release()
    waiting.cancel()
    await settled()
    assert behind.done()
    assert budget.used == 5


async def test_who_is_being_cancelled_is_passed_by_what_comes_free() -> None:
    budget = Budget(10)
    first = held(budget, 10)
    waiting = asyncio.create_task(budget.hold(10))
    behind = asyncio.create_task(budget.hold(5))
    await settled()
    waiting.cancel()
    first.release()  # before the cancelled task had its say
    await settled()
    assert behind.done()
    assert budget.used == 5
