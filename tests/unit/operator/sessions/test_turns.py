"""The queue for the turns of a session. Deadlines here are bounds, not pauses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.deadline import settled

from cloche_api.resources.phases import Reason
from cloche_operator.model.execution import Execution, from_object
from cloche_operator.model.status import EndedError
from cloche_operator.queue.waitlist import Waitlist
from cloche_operator.sessions.turns import Turns
from cloche_operator.settings import Settings

BOUND_SECONDS = 5.0


class SessionQueue:
    """Executions in the queue of one session, and the order in which they got their turn."""

    def __init__(self, execution: Execution, most: int, **settings: Any) -> None:
        self.waitlist = Waitlist(Settings(**settings))
        self.turns = Turns(self.waitlist, most)
        self.waited: list[str] = []
        self.had: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._execution = execution

    async def ask(self, name: str) -> None:
        async def take() -> None:
            await self.turns.take(
                self._execution, lambda: self.waited.append(name), lambda: "No turn came"
            )
            self.had.append(name)

        self.tasks[name] = asyncio.create_task(take())
        await settled()

    async def refusal(self, name: str) -> tuple[Reason, str]:
        async with asyncio.timeout(BOUND_SECONDS):
            with pytest.raises(EndedError) as ended:
                await self.tasks[name]
        return ended.value.reason, ended.value.message


@pytest.fixture
def execution(execution_object: dict[str, Any]) -> Execution:
    return from_object(execution_object)


async def test_executions_of_a_session_get_their_turns_in_order(execution: Execution) -> None:
    at = SessionQueue(execution, 20)
    await at.ask("a")
    assert at.had == [], "the session is not ready"
    await at.ask("b")
    at.turns.pass_on()
    await settled()
    assert at.had == ["a"]
    at.turns.pass_on()
    at.turns.pass_on()
    await settled()
    await at.ask("c")
    assert (at.had, at.waited, len(at.waitlist)) == (["a", "b", "c"], ["a", "b"], 0)


async def test_the_queue_of_a_session_is_limited_in_length(execution: Execution) -> None:
    at = SessionQueue(execution, 2)
    for name in "abc":
        await at.ask(name)
    assert await at.refusal("c") == (
        Reason.QUEUE_FULL,
        "The session's queue is full: 2 executions wait for their turn.",
    )
    at.turns.pass_on()
    await at.ask("d")
    assert (at.had, len(at.waitlist)) == (["a"], 2)


async def test_an_execution_in_the_queue_of_a_session_times_out(execution: Execution) -> None:
    at = SessionQueue(execution, 2, queue_timeout_seconds=0.01)
    await at.ask("a")
    assert await at.refusal("a") == (Reason.QUEUE_TIMEOUT, "No turn came within 0.01 s.")
    assert len(at.waitlist) == 0
    at.turns.pass_on()
    await at.ask("b")
    assert at.had == ["b"]


async def test_an_execution_waiting_for_its_turn_counts_in_the_queue(execution: Execution) -> None:
    at = SessionQueue(execution, 20, queue_length=1)
    await at.ask("a")
    await at.ask("b")
    assert await at.refusal("b") == (Reason.QUEUE_FULL, "The queue is full: 1 executions wait.")
    assert at.waitlist.size == execution.size


async def test_a_session_that_ends_dismisses_all_waiting_executions(execution: Execution) -> None:
    at = SessionQueue(execution, 20)
    for name in "ab":
        await at.ask(name)
    at.turns.dismiss(EndedError(Reason.SESSION_ENDED, "It has ended."))
    for name in "ab":
        assert await at.refusal(name) == (Reason.SESSION_ENDED, "It has ended.")
    assert len(at.waitlist) == 0


async def test_an_execution_cancelled_at_its_turn_passes_the_turn_on(
    execution: Execution,
) -> None:
    at = SessionQueue(execution, 20)
    for name in "ab":
        await at.ask(name)
    at.turns.pass_on()  # a has its turn, but its task has not run yet
    at.tasks["a"].cancel()
    await settled()
    assert at.had == ["b"]


async def test_an_execution_cancelled_while_it_waits_is_skipped(execution: Execution) -> None:
    at = SessionQueue(execution, 20)
    for name in "ab":
        await at.ask(name)
    at.tasks["a"].cancel()
    at.turns.pass_on()
    await settled()
    assert (at.had, at.turns.taken, len(at.waitlist)) == (["b"], True, 0)
