"""Races end with the first, background tasks end with their owner, and retries wait longer."""

from __future__ import annotations

import asyncio
import itertools
from typing import NoReturn

import pytest

from cloche_kube.retry import backoff
from cloche_kube.tasks import Background, first_of


def test_delays_double_up_to_the_longest() -> None:
    assert list(itertools.islice(backoff(0.2, 1.0), 5)) == [0.2, 0.4, 0.8, 1.0, 1.0]


async def test_closing_waits_for_short_tasks_and_cancels_the_others() -> None:
    ended: list[str] = []

    async def work(name: str, until: asyncio.Event) -> None:
        try:
            await until.wait()
            ended.append(f"{name} is done")
        except asyncio.CancelledError:
            ended.append(f"{name} is cancelled")
            raise

    short, never = asyncio.Event(), asyncio.Event()
    tasks = Background()
    tasks.start(work("short", short))
    tasks.start(work("long", never))
    await asyncio.sleep(0)
    short.set()
    await tasks.close(0.1)
    assert ended == ["short is done", "long is cancelled"]
    await tasks.close()


async def test_background_tasks_are_cancelled_without_a_wait() -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    tasks = Background()
    tasks.start(work())
    await asyncio.sleep(0)
    tasks.cancel()
    assert not cancelled.is_set()
    await cancelled.wait()


async def endless(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("endless")


def future() -> asyncio.Future[str]:
    return asyncio.get_running_loop().create_future()


async def test_the_first_future_that_is_done_is_returned_and_the_others_stay_as_they_are() -> None:
    early, late = future(), future()
    asyncio.get_running_loop().call_soon(early.set_result, "early")
    assert await first_of(late, early) is early
    assert not late.done()


async def test_of_several_that_are_done_the_first_in_order_is_returned() -> None:
    one, other = future(), future()
    one.set_result("one")
    other.set_result("other")
    assert await first_of(other, one) is other


async def test_a_coroutine_that_loses_has_ended_when_the_race_has() -> None:
    ended: list[str] = []
    won = future()
    asyncio.get_running_loop().call_soon(won.set_result, "won")
    assert await first_of(endless(ended), won) is won
    assert ended == ["endless"]


async def test_a_coroutine_that_ends_although_it_was_cancelled_keeps_its_result() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "mine"
        return "never"

    won = future()
    asyncio.get_running_loop().call_soon(won.set_result, "won")
    assert (await first_of(stubborn(), won)).result() == "mine"


async def test_the_caller_gets_the_exception_of_the_winner() -> None:
    async def fails() -> NoReturn:
        raise ValueError("it failed")

    first = await first_of(fails(), future())
    with pytest.raises(ValueError, match="it failed"):
        first.result()


async def test_a_race_without_a_winner_times_out_and_leaves_no_task() -> None:
    ended: list[str] = []
    kept = future()
    with pytest.raises(TimeoutError):
        await first_of(endless(ended), kept, seconds=0.01)
    assert ended == ["endless"]
    assert not kept.done()


async def test_a_cancelled_race_leaves_no_task() -> None:
    ended: list[str] = []
    kept = future()
    race = asyncio.create_task(first_of(endless(ended), kept))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    race.cancel()
    with pytest.raises(asyncio.CancelledError):
        await race
    assert ended == ["endless"]
    assert not kept.done()
