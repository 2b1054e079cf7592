"""Who runs when there is not room for all. The deadlines here are bounds, never pauses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cloche_api.execution import Concurrency
from cloche_api.phases import Reason
from cloche_operator.capacity import Capacity, Share
from cloche_operator.outcome import EndedError
from cloche_operator.settings import Settings

BOUND_SECONDS = 5.0
GIB = 1024**3


def capacity(total: int, *, length: int = 1000, timeout: float = 60.0) -> Capacity:
    """So many bytes for executions."""
    settings = Settings(capacity_share=0.5, queue_length=length, queue_timeout_seconds=timeout)
    made = Capacity(settings)
    made.set_total(2 * total)
    return made


class Line:
    """Executions that ask for room, and the order in which they got it."""

    def __init__(self, of: Capacity) -> None:
        self.of = of
        self.admitted: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, name: str, tenant: str, size: int, limit: int | None = None) -> None:
        """Ask, and let the asking come as far as it comes."""
        self.tasks[name] = asyncio.create_task(self._ask(name, share(tenant, size, limit)))
        await settled()

    async def _ask(self, name: str, of: Share) -> None:
        await self.of.take(of)
        self.admitted.append(name)

    async def give_back(self, size: int, tenant: str = "t", limit: int | None = None) -> None:
        self.of.give_back(share(tenant, size, limit))
        await settled()


def share(tenant: str, size: int, limit: int | None = None) -> Share:
    """With a limit, of the one group `key` of its tenant."""
    group = None if limit is None else Concurrency(group="key", limit=limit)
    return Share(tenant, size, group)


async def settled() -> None:
    """Let every task that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def line(of: Capacity) -> AsyncIterator[Line]:
    made = Line(of)
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            yield made
    finally:
        for task in made.tasks.values():
            task.cancel()
        await asyncio.gather(*made.tasks.values(), return_exceptions=True)


async def reason_of(task: asyncio.Task[None]) -> Reason:
    with pytest.raises(EndedError) as ended:
        await task
    return ended.value.reason


async def test_all_go_at_once_while_there_is_room() -> None:
    async with line(capacity(10)) as at:
        for name in "abc":
            await at.ask(name, "t", 3)
        assert at.admitted == ["a", "b", "c"]
        assert at.of.waiting == 0


async def test_first_come_first_served_within_a_tenant() -> None:
    async with line(capacity(1)) as at:
        for name in "abcd":
            await at.ask(name, "t", 1)
        assert (at.admitted, at.of.waiting) == (["a"], 3)
        for _ in range(3):
            await at.give_back(1)
        assert (at.admitted, at.of.waiting) == (["a", "b", "c", "d"], 0)


async def test_tenants_take_turns() -> None:
    async with line(capacity(1)) as at:
        for name in ["x0", "x1", "x2", "x3", "y1", "y2", "z1"]:
            await at.ask(name, name[0], 1)
        for _ in range(6):
            await at.give_back(1)
        assert at.admitted == ["x0", "x1", "y1", "z1", "x2", "y2", "x3"]


async def test_a_large_one_is_not_overtaken_for_ever() -> None:
    async with line(capacity(4)) as at:
        await at.ask("a", "t", 2)
        await at.ask("large", "u", 4)
        await at.ask("small", "v", 1)
        assert at.admitted == ["a"]
        await at.give_back(2)
        assert at.admitted == ["a", "large"]
        await at.give_back(4)
        assert at.admitted == ["a", "large", "small"]


async def test_never_more_than_the_total() -> None:
    sizes = [1, 5, 2, 7, 3, 3, 8, 1, 1, 6, 4, 2, 8, 5, 1]
    of = capacity(8)
    used, most, running = 0, 0, asyncio.Queue[int]()

    async def one(tenant: str, size: int) -> None:
        nonlocal used, most
        await of.take(share(tenant, size))
        used += size
        most = max(most, used)
        await running.put(size)

    async with asyncio.timeout(BOUND_SECONDS), asyncio.TaskGroup() as group:
        for n, size in enumerate(sizes * 4):
            group.create_task(one(f"tenant {n % 3}", size))
        for _ in range(len(sizes) * 4):
            size = await running.get()
            used -= size
            of.give_back(share("t", size))
    assert most <= 8
    assert (of._used, of.waiting) == (0, 0)


async def test_more_than_there_can_ever_be_is_refused_at_once() -> None:
    async with line(capacity(GIB)) as at:
        await at.ask("a", "t", GIB + 1)
        assert await reason_of(at.tasks["a"]) is Reason.UNSCHEDULABLE
        await at.ask("b", "t", GIB)
        assert at.admitted == ["b"]


async def test_without_nodes_everybody_waits_for_one() -> None:
    async with line(capacity(0)) as at:
        assert at.of.is_away
        await at.ask("a", "t", 1)
        assert at.of.waiting == 1
        at.of.set_total(2)
        await settled()
        assert at.admitted == ["a"]


async def test_a_node_that_never_comes() -> None:
    async with line(capacity(0, timeout=0.01)) as at:
        await at.ask("a", "t", 1)
        assert await reason_of(at.tasks["a"]) is Reason.QUEUE_TIMEOUT
        with pytest.raises(EndedError, match=r"No sandbox node was ready within 0\.01 s"):
            await at.tasks["a"]


async def test_the_queue_is_bounded() -> None:
    async with line(capacity(1, length=2)) as at:
        for name in "abcd":
            await at.ask(name, name, 1)
        assert await reason_of(at.tasks["d"]) is Reason.QUEUE_FULL
        assert at.of.waiting == 2
        await at.give_back(1)
        await at.ask("e", "e", 1)
        assert at.of.waiting == 2


async def test_patience_ends() -> None:
    async with line(capacity(1, timeout=0.01)) as at:
        await at.ask("a", "t", 1)
        await at.ask("b", "t", 1)
        assert await reason_of(at.tasks["b"]) is Reason.QUEUE_TIMEOUT
        assert (at.of.waiting, at.of._used) == (0, 1)
        await at.give_back(1)
        await at.ask("c", "t", 1)
        assert at.admitted == ["a", "c"]


async def test_who_leaves_the_line_lets_the_next_pass() -> None:
    async with line(capacity(4)) as at:
        await at.ask("a", "t", 2)
        await at.ask("large", "u", 4)
        await at.ask("small", "u", 1)
        at.tasks["large"].cancel()
        await settled()
        assert at.admitted == ["a", "small"]
        assert (at.of.waiting, at.of._used) == (0, 3)


@pytest.mark.parametrize("others", ["", "c", "cd"])
async def test_room_that_comes_free_while_the_first_is_being_cancelled(others: str) -> None:
    async with line(capacity(1)) as at:
        for name in "ab" + others:
            await at.ask(name, "t", 1)
        at.tasks["b"].cancel()
        at.of.give_back(share("t", 1))  # before the cancelled task had its say
        await settled()
        assert at.admitted == ["a", *others[:1]]
        assert at.of._used == len(others[:1])
        assert at.of.waiting == len(others[1:])


async def test_who_is_cancelled_in_the_moment_of_its_turn_gives_the_room_back() -> None:
    async with line(capacity(1)) as at:
        for name in "abc":
            await at.ask(name, "t", 1)
        at.of.give_back(share("t", 1))  # b's turn has come, and b does not know yet
        at.tasks["b"].cancel()
        await settled()
        assert at.admitted == ["a", "c"]
        assert (at.of.waiting, at.of._used) == (0, 1)


async def test_a_node_that_comes_lets_the_line_in() -> None:
    async with line(capacity(1)) as at:
        for name in "abc":
            await at.ask(name, "t", 1)
        at.of.set_total(6)
        await settled()
        assert at.admitted == ["a", "b", "c"]


async def test_a_node_that_goes_takes_nothing_from_who_runs() -> None:
    async with line(capacity(4)) as at:
        await at.ask("a", "t", 4)
        at.of.set_total(4)
        await at.ask("b", "t", 2)
        await at.give_back(4)
        assert at.admitted == ["a", "b"]


async def test_what_runs_already_counts_whether_or_not_there_is_room() -> None:
    async with line(capacity(2)) as at:
        at.of.occupy(share("t", 3))
        await at.ask("a", "t", 1)
        assert at.admitted == []
        await at.give_back(3)
        assert at.admitted == ["a"]


async def test_a_group_runs_no_more_than_its_limit() -> None:
    async with line(capacity(10)) as at:
        for name in "abcd":
            await at.ask(name, "t", 1, limit=2)
        assert (at.admitted, at.of.waiting) == (["a", "b"], 2)
        await at.give_back(1, limit=2)
        assert at.admitted == ["a", "b", "c"]


async def test_who_is_held_back_by_its_group_holds_nobody_back() -> None:
    async with line(capacity(3)) as at:
        await at.ask("a", "t", 1, limit=1)
        await at.ask("b", "t", 1, limit=1)
        await at.ask("c", "t", 1)
        await at.ask("d", "u", 1, limit=1)
        assert (at.admitted, at.of.waiting) == (["a", "c", "d"], 1)
        await at.ask("e", "u", 1)
        await at.give_back(1, limit=1)
        assert at.admitted == ["a", "c", "d", "b"], "t came first"


async def test_the_same_name_in_two_tenants_is_two_groups() -> None:
    async with line(capacity(10)) as at:
        await at.ask("a", "t", 1, limit=1)
        await at.ask("b", "u", 1, limit=1)
        assert at.admitted == ["a", "b"]


async def test_what_runs_already_counts_in_its_group() -> None:
    async with line(capacity(10)) as at:
        at.of.occupy(share("t", 1, 1))
        await at.ask("a", "t", 1, limit=1)
        assert at.admitted == []
        await at.give_back(1, limit=1)
        assert at.admitted == ["a"]
        await at.give_back(1, limit=1)
        assert not at.of._running, "nothing is kept of a group that runs nothing"


async def test_patience_with_a_group_ends() -> None:
    async with line(capacity(10, timeout=0.01)) as at:
        await at.ask("a", "t", 1, limit=1)
        await at.ask("b", "t", 1, limit=1)
        with pytest.raises(EndedError, match="of the same API key"):
            await at.tasks["b"]
        assert (at.of.waiting, at.of._used) == (0, 1)
