"""The queue for capacity: its limits, and leaving it. Deadlines here are bounds, not pauses."""

from __future__ import annotations

from typing import Any

import pytest
from support.deadline import settled
from support.fixtures.admissions import admissions, capacity, node, share

from cloche_api.resources.phases import Reason
from cloche_operator.queue.limits import Share


async def test_executions_wait_for_a_node_when_there_is_none() -> None:
    of = capacity(0)
    async with admissions(of) as at:
        assert of.space.is_away
        await at.ask("a", "t", 1)
        assert len(of.waitlist) == 1
        of.set_nodes({"": [node(2)]})
        await settled()
        assert at.admitted == ["a"]


async def test_an_execution_times_out_when_no_node_becomes_ready() -> None:
    async with admissions(capacity(0, queue_timeout_seconds=0.01)) as at:
        await at.ask("a", "t", 1)
        refusal = await at.refusal("a")
    assert refusal.reason is Reason.QUEUE_TIMEOUT
    assert refusal.message == "No sandbox node was ready within 0.01 s."


async def test_the_queue_is_limited_in_length() -> None:
    async with admissions(capacity(1, queue_length=2)) as at:
        for name in "abcd":
            await at.ask(name, name, 1)
        refusal = await at.refusal("d")
        assert (refusal.reason, refusal.message) == (
            Reason.QUEUE_FULL,
            "The queue is full: 2 executions wait.",
        )
        assert len(at.of.waitlist) == 2
        await at.end("a")
        await at.ask("e", "e", 1)
        assert len(at.of.waitlist) == 2


async def test_the_tenant_that_fills_the_queue_loses_a_place_to_another() -> None:
    async with admissions(capacity(1, queue_length=4)) as at:
        for n in range(5):
            await at.ask(f"greedy {n}", "greedy", 1)
        await at.ask("other", "other", 1)
        refusal = await at.refusal("greedy 4")
        assert (refusal.reason, refusal.message) == (
            Reason.QUEUE_FULL,
            "The queue is full, and a tenant with less in it took this place.",
        )
        await at.ask("greedy 5", "greedy", 1)
        assert (await at.refusal("greedy 5")).reason is Reason.QUEUE_FULL
        await at.end("greedy 0")
        assert at.admitted == ["greedy 0", "greedy 1"]
        await at.end("greedy 1")
        assert at.admitted[-1] == "other"


async def test_the_queue_is_limited_in_length_for_each_tenant() -> None:
    async with admissions(capacity(1, queue_length_per_tenant=2)) as at:
        for n in range(4):
            await at.ask(f"greedy {n}", "greedy", 1)
        assert (await at.refusal("greedy 3")).message == (
            "The tenant's queue is full: 2 executions wait."
        )
        await at.ask("other", "other", 1)
        assert len(at.of.waitlist) == 3


@pytest.mark.parametrize("per_tenant", [8, 2])
async def test_the_queue_is_limited_in_bytes(per_tenant: int) -> None:
    mib = 1024**2
    of = capacity(1, queue_bytes=3 * mib, queue_bytes_per_tenant=per_tenant * mib)
    async with admissions(of) as at:
        for n in range(4):
            await at.ask_for(f"greedy {n}", share("greedy", 1, size=mib))
        await at.ask_for("greedy 4", share("greedy", 1, size=mib))
        assert (await at.refusal("greedy 4")).reason is Reason.QUEUE_FULL
        assert at.of.waitlist.size == min(per_tenant, 3) * mib
        await at.ask_for("other", share("other", 1, size=mib))
        assert not at.tasks["other"].done()
        assert at.of.waitlist.size == 3 * mib


async def test_an_execution_in_the_queue_times_out() -> None:
    async with admissions(capacity(1, queue_timeout_seconds=0.01)) as at:
        await at.ask("a", "t", 1)
        await at.ask("b", "t", 1)
        assert (await at.refusal("b")).reason is Reason.QUEUE_TIMEOUT
        assert (len(at.of.waitlist), at.of.usage.total.memory) == (0, 1)
        await at.end("a")
        await at.ask("c", "t", 1)
        assert at.admitted == ["a", "c"]


async def test_an_execution_that_leaves_the_queue_lets_the_next_pass() -> None:
    async with admissions(capacity(4)) as at:
        await at.ask("a", "t", 2)
        await at.ask("large", "u", 4)
        await at.ask("small", "u", 1)
        at.tasks["large"].cancel()
        await settled()
        assert at.admitted == ["a", "small"]
        assert (len(at.of.waitlist), at.of.usage.total.memory) == (0, 3)


@pytest.mark.parametrize("others", ["", "c", "cd"])
async def test_capacity_freed_while_the_first_waiter_is_cancelled_goes_to_the_next(
    others: str,
) -> None:
    async with admissions(capacity(1)) as at:
        for name in "ab" + others:
            await at.ask(name, "t", 1)
        at.tasks["b"].cancel()
        at.of.give_back(at.shares["a"])  # before the cancelled task has run
        await settled()
        assert at.admitted == ["a", *others[:1]]
        assert at.of.usage.total.memory == len(others[:1])
        assert len(at.of.waitlist) == len(others[1:])


async def test_an_execution_cancelled_at_its_turn_releases_its_capacity() -> None:
    async with admissions(capacity(1)) as at:
        for name in "abc":
            await at.ask(name, "t", 1)
        at.of.give_back(at.shares["a"])  # b has its turn, but its task has not run yet
        at.tasks["b"].cancel()
        await settled()
        assert at.admitted == ["a", "c"]
        assert (len(at.of.waitlist), at.of.usage.total.memory) == (0, 1)


async def test_a_new_node_admits_waiting_executions() -> None:
    async with admissions(capacity(1)) as at:
        for name in "abc":
            await at.ask(name, "t", 1)
        at.of.set_nodes({"": [node(3)]})
        await settled()
        assert at.admitted == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("settings", "second", "why"),
    [
        ({}, share("u", 4), "No capacity became free"),
        ({"tenant_share": 0.5}, share("t", 1), "The tenant's share of the capacity"),
        ({"session_share": 0.5}, share("u", 1, is_session=True), "The sessions' share of"),
        ({}, share("t", 1, 1), "The API key's concurrency limit"),
    ],
    ids=["room", "tenant", "sessions", "group"],
)
async def test_a_queue_timeout_names_the_limit_that_was_reached(
    settings: dict[str, Any], second: Share, why: str
) -> None:
    of = capacity(4, queue_timeout_seconds=0.01, **settings)
    async with admissions(of) as at:
        first = share("t", 2, 1, is_session=True)
        await at.ask_for("first", first)
        await at.ask_for("second", second)
        assert at.admitted == ["first"]
        refusal = await at.refusal("second")
    assert refusal.reason is Reason.QUEUE_TIMEOUT
    assert refusal.message.startswith(why)
