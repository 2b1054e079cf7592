"""Who runs when there is not room for all. The deadlines here are bounds, never pauses."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cloche_api.execution import Concurrency
from cloche_api.phases import Reason
from cloche_operator.capacity import Capacity, Share
from cloche_operator.demand import UNBOUNDED, Demand
from cloche_operator.nodes import Node
from cloche_operator.outcome import EndedError
from cloche_operator.settings import Settings

BOUND_SECONDS = 30.0
GIB = 1024**3
PATIENCE = 5.0
"""Seconds that one for which there is no room lets others pass."""


class Clock:
    """The time by which places in the line age."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def node(memory: int, cores: float = 1000.0) -> Node:
    return Node(memory=memory, cpu=int(cores * 1000), labels={}, taints=())


def capacity(total: int, *, clock: Clock | None = None, **settings: Any) -> Capacity:
    """So many bytes for programs, all of it for any tenant."""
    chosen: dict[str, Any] = {
        "capacity_share": 1,
        "cpu_overcommit": 1,
        "tenant_share": 1,
        "session_share": 1,
        "node_processes": 0,
        **settings,
    }
    made = Capacity(Settings(**chosen), clock or Clock())
    made.set_nodes({"": [node(total)]}, Demand())
    return made


class Line:
    """Executions that ask for room, and the order in which they got it."""

    def __init__(self, of: Capacity) -> None:
        self.of = of
        self.admitted: list[str] = []
        self.waited: set[str] = set()
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.shares: dict[str, Share] = {}

    async def ask(self, name: str, tenant: str, size: int, limit: int | None = None) -> None:
        """Ask for bytes, and let the asking come as far as it comes."""
        await self.ask_for(name, share(tenant, size, limit))

    async def ask_for(self, name: str, of: Share) -> None:
        self.shares[name] = of
        self.tasks[name] = asyncio.create_task(self._ask(name, of))
        await settled()

    async def _ask(self, name: str, of: Share) -> None:
        await self.of.take(of, lambda: self.waited.add(name))
        self.admitted.append(name)

    async def end(self, name: str) -> None:
        """One that was admitted has ended."""
        assert name in self.admitted
        self.of.give_back(self.shares[name])
        await settled()

    async def refusal(self, name: str) -> EndedError:
        with pytest.raises(EndedError) as ended:
            await self.tasks[name]
        return ended.value


def share(tenant: str, memory: int, limit: int | None = None, **fields: Any) -> Share:
    """With a limit, of the one group `key` of its tenant."""
    group = None if limit is None else Concurrency(group="key", limit=limit)
    return Share(tenant, Demand(memory=memory, running=1), group, **fields)


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


async def test_all_go_at_once_while_there_is_room() -> None:
    async with line(capacity(10)) as at:
        for name in "abc":
            await at.ask(name, "t", 3)
        assert at.admitted == ["a", "b", "c"]
        assert (len(at.of.waitlist), at.waited) == (0, set())


async def test_first_come_first_served_within_a_tenant() -> None:
    async with line(capacity(1)) as at:
        for name in "abcd":
            await at.ask(name, "t", 1)
        assert (at.admitted, at.waited, len(at.of.waitlist)) == (["a"], {"b", "c", "d"}, 3)
        for name in "abc":
            await at.end(name)
        assert (at.admitted, len(at.of.waitlist)) == (["a", "b", "c", "d"], 0)


async def test_tenants_take_turns() -> None:
    async with line(capacity(1)) as at:
        for name in ["x0", "x1", "x2", "x3", "y1", "y2", "z1"]:
            await at.ask(name, name[0], 1)
        for n in range(6):
            await at.end(at.admitted[n])
        assert at.admitted == ["x0", "x1", "y1", "z1", "x2", "y2", "x3"]


async def test_the_tenant_that_uses_least_is_next() -> None:
    async with line(capacity(4)) as at:
        for name in ["x0", "x1", "x2", "y0"]:
            await at.ask(name, name[0], 1)
        for name in ["x3", "y1"]:
            await at.ask(name, name[0], 1)
        await at.end("x0")
        assert at.admitted[4:] == ["y1"]


async def test_one_that_does_not_fit_lets_others_pass_for_a_while_and_then_is_next() -> None:
    clock = Clock()
    async with line(capacity(4, clock=clock)) as at:
        await at.ask("a", "t", 2)
        await at.ask("large", "u", 4)
        await at.ask("small", "v", 1)
        assert at.admitted == ["a", "small"], "it passes the large one"
        clock.now = PATIENCE
        await at.ask("later", "v", 1)
        assert at.admitted == ["a", "small"], "now room is kept for the large one"
        await at.end("a")
        await at.end("small")
        assert at.admitted == ["a", "small", "large"]
        await at.end("large")
        assert at.admitted == ["a", "small", "large", "later"]


async def test_while_room_is_kept_one_default_program_of_others_still_runs() -> None:
    clock = Clock()
    of = capacity(10, clock=clock)
    of.set_nodes({"": [node(10)]}, Demand(memory=1, cpu=UNBOUNDED, running=1))
    async with line(of) as at:
        await at.ask("long", "t", 5)
        await at.ask("large", "u", 8)
        clock.now = PATIENCE
        await at.ask("first", "t", 1)
        await at.ask("second", "t", 1)
        assert at.admitted == ["long", "first"]
        await at.end("first")
        assert at.admitted == ["long", "first", "second"]
        await at.end("long")
        assert at.admitted == ["long", "first", "second", "large"], "it leaves that room too"


async def test_room_is_kept_for_nobody_beyond_an_even_part() -> None:
    """A tenant that holds much and always waits for more keeps nobody from the rest."""
    clock = Clock()
    async with line(capacity(10, clock=clock, tenant_share=0.9)) as at:
        for name in ("greedy 1", "greedy 2"):
            await at.ask(name, "greedy", 4)
        await at.ask("greedy 3", "greedy", 4)
        clock.now = 2 * PATIENCE
        for n in range(8):
            await at.ask(f"hello {n}", f"tenant {n % 3}", 1)
            assert at.admitted[-1] == f"hello {n}"
            await at.end(f"hello {n}")
        await at.end("greedy 1")
        assert at.admitted[-1] == "greedy 3", "nor is it starved"


async def test_a_tenant_holds_a_part_though_nobody_waits() -> None:
    async with line(capacity(10, tenant_share=0.9)) as at:
        for n in range(10):
            await at.ask(f"greedy {n}", "greedy", 1)
        assert len(at.admitted) == 9
        await at.ask("other", "other", 1)
        assert at.admitted[-1] == "other"


async def test_a_tenant_leaves_room_for_one_default_program() -> None:
    of = capacity(10, tenant_share=0.9)
    of.set_nodes({"": [node(10)]}, Demand(memory=3, running=1))
    async with line(of) as at:
        for n in range(10):
            await at.ask(f"greedy {n}", "greedy", 1)
        assert len(at.admitted) == 7
        await at.ask("other", "other", 3)
        assert at.admitted[-1] == "other"


async def test_a_tenant_may_always_run_one_default_program() -> None:
    of = capacity(4, tenant_share=0.1)
    of.set_nodes({"": [node(4)]}, Demand(memory=3, running=1))
    async with line(of) as at:
        await at.ask("a", "t", 3)
        assert at.admitted == ["a"]


async def test_more_than_a_tenant_may_ever_hold_is_refused_at_once() -> None:
    async with line(capacity(10 * GIB, tenant_share=0.5)) as at:
        await at.ask("a", "t", 6 * GIB)
        refusal = await at.refusal("a")
    assert refusal.reason is Reason.UNSCHEDULABLE
    assert refusal.message == (
        "The execution's memory limit of 6144 MiB is more than the 5120 MiB that one tenant may "
        "hold of the sandbox nodes."
    )


async def test_sessions_hold_a_part_of_all() -> None:
    async with line(capacity(10, session_share=0.5)) as at:
        for n in range(6):
            await at.ask_for(f"session {n}", share(f"tenant {n}", 1, is_session=True))
        assert len(at.admitted) == 5
        await at.ask("execution", "tenant 5", 1)
        assert at.admitted[-1] == "execution", "the session that waits holds up no execution"
        await at.end("session 0")
        assert at.admitted[-1] == "session 5"


async def test_one_tenant_s_sessions_leave_others_some() -> None:
    async with line(capacity(20, session_share=0.5, tenant_share=0.9)) as at:
        for n in range(10):
            await at.ask_for(f"mine {n}", share("mine", 1, is_session=True))
        assert len(at.admitted) == 9
        await at.ask_for("other", share("other", 1, is_session=True))
        assert at.admitted[-1] == "other"


@pytest.mark.parametrize("first_is_session", [False, True])
async def test_a_key_of_one_has_a_session_or_an_execution(*, first_is_session: bool) -> None:
    async with line(capacity(10)) as at:
        await at.ask_for("first", share("t", 1, 1, is_session=first_is_session))
        await at.ask_for("second", share("t", 1, 1, is_session=not first_is_session))
        await at.ask_for("third", share("t", 1, 1, is_session=True))
        assert at.admitted == ["first"]
        await at.end("first")
        assert at.admitted == ["first", "second"]


@pytest.mark.parametrize("what", ["cpu", "processes", "files", "running"])
async def test_every_resource_is_counted(what: str) -> None:
    settings: dict[str, Any] = {"node_processes": 4, "node_open_files": 4}
    settings["memory_bytes"] = 128 * 1024**2
    of = capacity(10 * GIB, **settings)
    most = getattr(of.space.total, what)
    each = Share("t", Demand(memory=1, **{what: most // 4}))
    of.set_nodes({"": [node(10 * GIB, cores=4)]}, Demand())
    most = getattr(of.space.total, what)
    each = Share("t", Demand(memory=1, **{what: most // 4}))
    async with line(of) as at:
        for name in "abcde":
            await at.ask_for(name, each)
        assert at.admitted == ["a", "b", "c", "d"]
        await at.end("a")
        assert at.admitted[-1] == "e"


async def test_the_nodes_of_a_runtime_bound_its_programs() -> None:
    of = capacity(10)
    of.set_nodes({"": [node(8)], "gpu": [node(2)]}, Demand())
    async with line(of) as at:
        for name in "abc":
            await at.ask_for(name, share("t", 1, place="gpu"))
        assert at.admitted == ["a", "b"]
        await at.ask("d", "u", 8)
        assert at.admitted == ["a", "b", "d"], "the other nodes are not full"
        await at.end("a")
        assert at.admitted[-1] == "c"


async def test_a_runtime_whose_nodes_are_not_there_yet_is_bounded_by_all() -> None:
    of = capacity(2)
    of.set_nodes({"": [node(2)], "gpu": []}, Demand())
    async with line(of) as at:
        for name in "abc":
            await at.ask_for(name, share("t", 1, place="gpu"))
        assert at.admitted == ["a", "b"]


async def test_more_than_the_largest_node_has_is_refused_at_once() -> None:
    of = capacity(10)
    of.set_nodes({"": [node(GIB), node(2 * GIB)]}, Demand())
    async with line(of) as at:
        await at.ask("a", "t", 2 * GIB + 1)
        refusal = await at.refusal("a")
    assert refusal.reason is Reason.UNSCHEDULABLE
    assert "more than the 2048 MiB that the largest sandbox node has" in refusal.message


async def test_more_than_there_can_ever_be_is_refused_at_once() -> None:
    async with line(capacity(GIB)) as at:
        await at.ask("a", "t", GIB + 1)
        assert (await at.refusal("a")).reason is Reason.UNSCHEDULABLE
        await at.ask("b", "t", GIB)
        assert at.admitted == ["b"]


@pytest.mark.parametrize("seed", range(10))
async def test_whatever_comes_the_bounds_hold_and_nobody_starves(seed: int) -> None:
    """No overcommitment, no tenant beyond its part, and all that waits comes to its turn."""
    chance, clock = random.Random(seed), Clock()  # noqa: S311  no secret
    of = capacity(20, clock=clock, tenant_share=0.8, session_share=0.5, queue_timeout_seconds=600)
    of.set_nodes({"": [node(20)]}, Demand(memory=2, cpu=UNBOUNDED, running=1))
    running: list[str] = []
    async with line(of) as at:
        for n in range(300):
            clock.now += chance.choice([0.0, 0.5, 2.0])
            tenant = chance.choice("aaaaabbc")
            is_session = chance.random() < 0.2
            size = chance.choice([1, 1, 2, 8 if is_session else 15])
            limit = chance.choice([None, 3])
            await at.ask_for(str(n), share(tenant, size, limit, is_session=is_session))
            running = [name for name in at.admitted if name in at.shares]
            chance.shuffle(running)
            for name in running[: chance.choice([0, 1, 1, 2])]:
                await at.end(name)
                del at.shares[name]
            _judge(at)
        while len(at.of.waitlist):
            clock.now += PATIENCE
            running = [name for name in at.admitted if name in at.shares]
            assert running, "room is free and nobody gets it"
            await at.end(running[0])
            del at.shares[running[0]]
            _judge(at)
        assert sorted(at.admitted, key=int) == [str(n) for n in range(300)]
        for name in [name for name in at.admitted if name in at.shares]:
            await at.end(name)
    assert of.used == Demand()
    assert not of._used_of
    assert not of._sessions
    assert not of._beside


def _judge(at: Line) -> None:
    held = [at.shares[name] for name in at.admitted if name in at.shares]
    assert sum(s.demand.memory for s in held) == at.of.used.memory <= 20
    assert sum(s.demand.memory for s in held if s.is_session) <= 10
    for tenant in "abc":
        assert sum(s.demand.memory for s in held if s.tenant == tenant) <= 16
        assert at.of.used_by(tenant).running == sum(s.tenant == tenant for s in held)
        assert sum(s.tenant == tenant and s.concurrency is not None for s in held) <= 3


@pytest.mark.parametrize("seed", range(5))
async def test_a_large_one_waits_no_longer_than_what_runs(seed: int) -> None:
    """However many small ones come from others: they pass it for 5 s and no longer."""
    chance, clock, seconds = random.Random(seed), Clock(), 10.0  # noqa: S311  no secret
    of = capacity(10, clock=clock)
    of.set_nodes({"": [node(10)]}, Demand(memory=1, cpu=UNBOUNDED, running=1))
    ends: dict[str, float] = {}
    async with line(of) as at:
        for n in range(400):
            clock.now += 0.25
            for name in at.admitted:
                ends.setdefault(name, clock.now + seconds)
            for name in [name for name, end in ends.items() if end <= clock.now]:
                ends[name] = float("inf")
                await at.end(name)
            if n == 100:
                await at.ask("large", "large", 9)
            if "large" in at.admitted:
                break
            await at.ask(f"small {n}", chance.choice("abc"), 1)
        assert "large" in at.admitted
        assert clock.now <= 25 + PATIENCE + seconds + 1


async def test_one_tenant_s_long_programs_keep_nobody_from_a_short_one() -> None:
    """One submits 300 s programs of any size without pause; the other's waits at most 5 s."""
    chance, clock = random.Random(1), Clock()  # noqa: S311  no secret
    of = capacity(48, clock=clock, tenant_share=0.9)
    of.set_nodes({"": [node(48)]}, Demand(memory=5, cpu=UNBOUNDED, running=1))
    ends: dict[str, float] = {}
    waits: list[float] = []
    async with line(of) as at:
        for n in range(400):
            clock.now += 1.0
            for name in [name for name in at.admitted if name.startswith("long")]:
                ends.setdefault(name, clock.now + 300)
            for name in [name for name, end in ends.items() if end <= clock.now]:
                ends[name] = float("inf")
                await at.end(name)
            await at.ask(f"long {n}", "greedy", chance.choice([5, 10, 20]))
            asked = clock.now
            await at.ask(f"hello {n}", "other", 5)
            while f"hello {n}" not in at.admitted:
                clock.now += 1.0
                assert clock.now - asked <= PATIENCE
                await settled()
            waits.append(clock.now - asked)
            await at.end(f"hello {n}")
    assert sorted(waits)[-4] <= PATIENCE


async def test_without_nodes_everybody_waits_for_one() -> None:
    of = capacity(0)
    async with line(of) as at:
        assert of.space.is_away
        await at.ask("a", "t", 1)
        assert len(of.waitlist) == 1
        of.set_nodes({"": [node(2)]})
        await settled()
        assert at.admitted == ["a"]


async def test_a_node_that_never_comes() -> None:
    async with line(capacity(0, queue_timeout_seconds=0.01)) as at:
        await at.ask("a", "t", 1)
        refusal = await at.refusal("a")
    assert refusal.reason is Reason.QUEUE_TIMEOUT
    assert refusal.message == "No sandbox node was ready within 0.01 s."


async def test_the_queue_is_bounded() -> None:
    async with line(capacity(1, queue_length=2)) as at:
        for name in "abcd":
            await at.ask(name, name, 1)
        refusal = await at.refusal("d")
        assert (refusal.reason, refusal.message) == (
            Reason.QUEUE_FULL,
            "2 executions wait already.",
        )
        assert len(at.of.waitlist) == 2
        await at.end("a")
        await at.ask("e", "e", 1)
        assert len(at.of.waitlist) == 2


async def test_who_fills_the_queue_makes_room_for_others() -> None:
    async with line(capacity(1, queue_length=4)) as at:
        for n in range(5):
            await at.ask(f"greedy {n}", "greedy", 1)
        await at.ask("other", "other", 1)
        refusal = await at.refusal("greedy 4")
        assert (refusal.reason, refusal.message) == (
            Reason.QUEUE_FULL,
            "Others who wait with less took its place in the queue.",
        )
        await at.ask("greedy 5", "greedy", 1)
        assert (await at.refusal("greedy 5")).reason is Reason.QUEUE_FULL
        await at.end("greedy 0")
        assert at.admitted == ["greedy 0", "greedy 1"]
        await at.end("greedy 1")
        assert at.admitted[-1] == "other"


async def test_the_queue_is_bounded_by_tenant() -> None:
    async with line(capacity(1, queue_length_per_tenant=2)) as at:
        for n in range(4):
            await at.ask(f"greedy {n}", "greedy", 1)
        assert (await at.refusal("greedy 3")).message == (
            "2 executions of the tenant wait already."
        )
        await at.ask("other", "other", 1)
        assert len(at.of.waitlist) == 3


@pytest.mark.parametrize("per_tenant", [8, 2])
async def test_the_queue_is_bounded_in_bytes(per_tenant: int) -> None:
    mib = 1024**2
    of = capacity(1, queue_bytes=3 * mib, queue_bytes_per_tenant=per_tenant * mib)
    async with line(of) as at:
        for n in range(4):
            await at.ask_for(f"greedy {n}", share("greedy", 1, size=mib))
        await at.ask_for("greedy 4", share("greedy", 1, size=mib))
        assert (await at.refusal("greedy 4")).reason is Reason.QUEUE_FULL
        assert at.of.waitlist.size == min(per_tenant, 3) * mib
        await at.ask_for("other", share("other", 1, size=mib))
        assert not at.tasks["other"].done()
        assert at.of.waitlist.size == 3 * mib


async def test_patience_ends() -> None:
    async with line(capacity(1, queue_timeout_seconds=0.01)) as at:
        await at.ask("a", "t", 1)
        await at.ask("b", "t", 1)
        assert (await at.refusal("b")).reason is Reason.QUEUE_TIMEOUT
        assert (len(at.of.waitlist), at.of.used.memory) == (0, 1)
        await at.end("a")
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
        assert (len(at.of.waitlist), at.of.used.memory) == (0, 3)


@pytest.mark.parametrize("others", ["", "c", "cd"])
async def test_room_that_comes_free_while_the_first_is_being_cancelled(others: str) -> None:
    async with line(capacity(1)) as at:
        for name in "ab" + others:
            await at.ask(name, "t", 1)
        at.tasks["b"].cancel()
        at.of.give_back(at.shares["a"])  # before the cancelled task had its say
        await settled()
        assert at.admitted == ["a", *others[:1]]
        assert at.of.used.memory == len(others[:1])
        assert len(at.of.waitlist) == len(others[1:])


async def test_who_is_cancelled_in_the_moment_of_its_turn_gives_the_room_back() -> None:
    async with line(capacity(1)) as at:
        for name in "abc":
            await at.ask(name, "t", 1)
        at.of.give_back(at.shares["a"])  # b's turn has come, and b does not know yet
        at.tasks["b"].cancel()
        await settled()
        assert at.admitted == ["a", "c"]
        assert (len(at.of.waitlist), at.of.used.memory) == (0, 1)


async def test_a_node_that_comes_lets_the_line_in() -> None:
    async with line(capacity(1)) as at:
        for name in "abc":
            await at.ask(name, "t", 1)
        at.of.set_nodes({"": [node(3)]})
        await settled()
        assert at.admitted == ["a", "b", "c"]


async def test_a_node_that_goes_takes_nothing_from_who_runs() -> None:
    async with line(capacity(4)) as at:
        await at.ask("a", "t", 4)
        at.of.set_nodes({"": [node(2)]})
        await at.ask("b", "t", 2)
        assert at.admitted == ["a"]
        await at.end("a")
        assert at.admitted == ["a", "b"]


async def test_what_runs_already_counts_whether_or_not_there_is_room() -> None:
    async with line(capacity(2)) as at:
        running = share("t", 3)
        at.of.occupy(running)
        await at.ask("a", "t", 1)
        assert at.admitted == []
        at.of.give_back(running)
        await settled()
        assert at.admitted == ["a"]


async def test_a_group_runs_no_more_than_its_limit() -> None:
    async with line(capacity(10)) as at:
        for name in "abcd":
            await at.ask(name, "t", 1, limit=2)
        assert (at.admitted, len(at.of.waitlist)) == (["a", "b"], 2)
        await at.end("a")
        assert at.admitted == ["a", "b", "c"]


async def test_who_is_held_back_by_its_group_holds_nobody_back() -> None:
    async with line(capacity(3)) as at:
        await at.ask("a", "t", 1, limit=1)
        await at.ask("b", "t", 1, limit=1)
        await at.ask("c", "t", 1)
        await at.ask("d", "u", 1, limit=1)
        assert (at.admitted, len(at.of.waitlist), at.waited) == (["a", "c", "d"], 1, {"b"})
        await at.ask("e", "u", 1)
        await at.end("a")
        assert at.admitted[3:] == ["b"], "t came first"


async def test_the_same_name_in_two_tenants_is_two_groups() -> None:
    async with line(capacity(10)) as at:
        await at.ask("a", "t", 1, limit=1)
        await at.ask("b", "u", 1, limit=1)
        assert at.admitted == ["a", "b"]


async def test_what_runs_already_counts_in_its_group() -> None:
    async with line(capacity(10)) as at:
        running = share("t", 1, 1)
        at.of.occupy(running)
        await at.ask("a", "t", 1, limit=1)
        assert at.admitted == []
        at.of.give_back(running)
        await settled()
        assert at.admitted == ["a"]
        await at.end("a")
        assert not at.of._running, "nothing is kept of a group that runs nothing"


async def test_patience_with_a_group_ends() -> None:
    async with line(capacity(10, queue_timeout_seconds=0.01)) as at:
        await at.ask("a", "t", 1, limit=1)
        await at.ask("b", "t", 1, limit=1)
        assert "of the same API key" in (await at.refusal("b")).message
        assert (len(at.of.waitlist), at.of.used.memory) == (0, 1)
