"""The limit on concurrent executions and sessions of an API key."""

from __future__ import annotations

import pytest
from support.deadline import settled
from support.fixtures.admissions import admissions, capacity, share


@pytest.mark.parametrize("first_is_session", [False, True])
async def test_a_key_with_concurrency_1_runs_a_session_or_an_execution(
    *, first_is_session: bool
) -> None:
    async with admissions(capacity(10)) as at:
        await at.ask_for("first", share("t", 1, 1, is_session=first_is_session))
        await at.ask_for("second", share("t", 1, 1, is_session=not first_is_session))
        await at.ask_for("third", share("t", 1, 1, is_session=True))
        assert at.admitted == ["first"]
        await at.end("first")
        assert at.admitted == ["first", "second"]


async def test_a_concurrency_group_runs_no_more_than_its_limit() -> None:
    async with admissions(capacity(10)) as at:
        for name in "abcd":
            await at.ask(name, "t", 1, limit=2)
        assert (at.admitted, len(at.of.waitlist)) == (["a", "b"], 2)
        await at.end("a")
        assert at.admitted == ["a", "b", "c"]


async def test_an_execution_waiting_for_its_group_does_not_delay_others() -> None:
    async with admissions(capacity(3)) as at:
        await at.ask("a", "t", 1, limit=1)
        await at.ask("b", "t", 1, limit=1)
        await at.ask("c", "t", 1)
        await at.ask("d", "u", 1, limit=1)
        assert (at.admitted, len(at.of.waitlist), at.waited) == (["a", "c", "d"], 1, {"b"})
        await at.ask("e", "u", 1)
        await at.end("a")
        assert at.admitted[3:] == ["b"], "t came first"


async def test_groups_with_the_same_name_in_two_tenants_are_different() -> None:
    async with admissions(capacity(10)) as at:
        await at.ask("a", "t", 1, limit=1)
        await at.ask("b", "u", 1, limit=1)
        assert at.admitted == ["a", "b"]


async def test_a_running_execution_counts_in_its_group() -> None:
    async with admissions(capacity(10)) as at:
        running = share("t", 1, 1)
        at.of.occupy(running)
        await at.ask("a", "t", 1, limit=1)
        assert at.admitted == []
        at.of.give_back(running)
        await settled()
        assert at.admitted == ["a"]
        await at.end("a")
        assert not at.of.usage._running, "a group without running executions is forgotten"


async def test_an_execution_waiting_for_its_group_times_out() -> None:
    async with admissions(capacity(10, queue_timeout_seconds=0.01)) as at:
        await at.ask("a", "t", 1, limit=1)
        await at.ask("b", "t", 1, limit=1)
        assert "API key's concurrency limit" in (await at.refusal("b")).message
        assert (len(at.of.waitlist), at.of.usage.total.memory) == (0, 1)
