"""Admission when the nodes have no room for everything. Deadlines here are bounds, not pauses."""

from __future__ import annotations

from typing import Any

import pytest
from support.deadline import settled
from support.fixtures.admissions import GIB, PATIENCE, Clock, admissions, capacity, node, share

from cloche_api.resources.phases import Reason
from cloche_operator.model.node import Node
from cloche_operator.model.resources import UNBOUNDED, Demand
from cloche_operator.queue.limits import Share


async def test_executions_are_admitted_at_once_while_there_is_capacity() -> None:
    async with admissions(capacity(10)) as at:
        for name in "abc":
            await at.ask(name, "t", 3)
        assert at.admitted == ["a", "b", "c"]
        assert (len(at.of.waitlist), at.waited) == (0, set())


async def test_executions_of_a_tenant_are_admitted_in_order() -> None:
    async with admissions(capacity(1)) as at:
        for name in "abcd":
            await at.ask(name, "t", 1)
        assert (at.admitted, at.waited, len(at.of.waitlist)) == (["a"], {"b", "c", "d"}, 3)
        for name in "abc":
            await at.end(name)
        assert (at.admitted, len(at.of.waitlist)) == (["a", "b", "c", "d"], 0)


async def test_waiting_tenants_are_admitted_in_turns() -> None:
    async with admissions(capacity(1)) as at:
        for name in ["x0", "x1", "x2", "x3", "y1", "y2", "z1"]:
            await at.ask(name, name[0], 1)
        for n in range(6):
            await at.end(at.admitted[n])
        assert at.admitted == ["x0", "x1", "y1", "z1", "x2", "y2", "x3"]


async def test_the_tenant_that_uses_least_is_next() -> None:
    async with admissions(capacity(4)) as at:
        for name in ["x0", "x1", "x2", "y0"]:
            await at.ask(name, name[0], 1)
        for name in ["x3", "y1"]:
            await at.ask(name, name[0], 1)
        await at.end("x0")
        assert at.admitted[4:] == ["y1"]


async def test_a_large_execution_lets_others_pass_for_a_limited_time() -> None:
    clock = Clock()
    async with admissions(capacity(4, clock=clock)) as at:
        await at.ask("a", "t", 2)
        await at.ask("large", "u", 4)
        await at.ask("small", "v", 1)
        assert at.admitted == ["a", "small"], "the small one passes the large one"
        clock.now = PATIENCE
        await at.ask("later", "v", 1)
        assert at.admitted == ["a", "small"], "capacity is now reserved for the large one"
        await at.end("a")
        await at.end("small")
        assert at.admitted == ["a", "small", "large"]
        await at.end("large")
        assert at.admitted == ["a", "small", "large", "later"]


async def test_one_default_program_runs_while_capacity_is_reserved_for_a_large_one() -> None:
    clock = Clock()
    of = capacity(10, clock=clock)
    of.set_nodes({"": [node(10)]}, Demand(memory=1, cpu=UNBOUNDED, running=1))
    async with admissions(of) as at:
        await at.ask("long", "t", 5)
        await at.ask("large", "u", 8)
        clock.now = PATIENCE
        await at.ask("first", "t", 1)
        await at.ask("second", "t", 1)
        assert at.admitted == ["long", "first"]
        await at.end("first")
        assert at.admitted == ["long", "first", "second"]
        await at.end("long")
        assert at.admitted == ["long", "first", "second", "large"], (
            "the large one leaves that capacity too"
        )


async def test_no_capacity_is_reserved_for_a_tenant_over_its_even_share() -> None:
    """A tenant that holds much and always has more waiting does not block the others."""
    clock = Clock()
    async with admissions(capacity(10, clock=clock, tenant_share=0.9)) as at:
        for name in ("greedy 1", "greedy 2"):
            await at.ask(name, "greedy", 4)
        await at.ask("greedy 3", "greedy", 4)
        clock.now = 2 * PATIENCE
        for n in range(8):
            await at.ask(f"hello {n}", f"tenant {n % 3}", 1)
            assert at.admitted[-1] == f"hello {n}"
            await at.end(f"hello {n}")
        await at.end("greedy 1")
        assert at.admitted[-1] == "greedy 3", "the tenant is not starved"


async def test_a_tenant_is_limited_to_its_share_even_when_no_other_waits() -> None:
    async with admissions(capacity(10, tenant_share=0.9)) as at:
        for n in range(10):
            await at.ask(f"greedy {n}", "greedy", 1)
        assert len(at.admitted) == 9
        await at.ask("other", "other", 1)
        assert at.admitted[-1] == "other"


async def test_a_tenant_leaves_capacity_for_one_default_program() -> None:
    of = capacity(10, tenant_share=0.9)
    of.set_nodes({"": [node(10)]}, Demand(memory=3, running=1))
    async with admissions(of) as at:
        for n in range(10):
            await at.ask(f"greedy {n}", "greedy", 1)
        assert len(at.admitted) == 7
        await at.ask("other", "other", 3)
        assert at.admitted[-1] == "other"


async def test_a_tenant_can_always_run_one_default_program() -> None:
    of = capacity(4, tenant_share=0.1)
    of.set_nodes({"": [node(4)]}, Demand(memory=3, running=1))
    async with admissions(of) as at:
        await at.ask("a", "t", 3)
        assert at.admitted == ["a"]


async def test_an_execution_larger_than_the_tenants_share_is_rejected_at_once() -> None:
    async with admissions(capacity(10 * GIB, tenant_share=0.5)) as at:
        await at.ask("a", "t", 6 * GIB)
        refusal = await at.refusal("a")
    assert refusal.reason is Reason.UNSCHEDULABLE
    assert refusal.message == (
        "The execution's memory limit of 6144 MiB is more than the 5120 MiB that one tenant may "
        "hold of the sandbox nodes."
    )


async def test_sessions_are_limited_to_their_share_of_the_capacity() -> None:
    async with admissions(capacity(10, session_share=0.5)) as at:
        for n in range(6):
            await at.ask_for(f"session {n}", share(f"tenant {n}", 1, is_session=True))
        assert len(at.admitted) == 5
        await at.ask("execution", "tenant 5", 1)
        assert at.admitted[-1] == "execution", "the session that waits holds up no execution"
        await at.end("session 0")
        assert at.admitted[-1] == "session 5"


async def test_the_sessions_of_one_tenant_leave_some_to_others() -> None:
    async with admissions(capacity(20, session_share=0.5, tenant_share=0.9)) as at:
        for n in range(10):
            await at.ask_for(f"mine {n}", share("mine", 1, is_session=True))
        assert len(at.admitted) == 9
        await at.ask_for("other", share("other", 1, is_session=True))
        assert at.admitted[-1] == "other"


@pytest.mark.parametrize("what", ["cpu", "processes", "files", "running"])
async def test_each_resource_limits_admission(what: str) -> None:
    settings: dict[str, Any] = {"node_processes": 4, "node_open_files": 4}
    settings["memory_bytes"] = 128 * 1024**2
    of = capacity(10 * GIB, **settings)
    most = getattr(of.space.total, what)
    each = Share("t", Demand(memory=1, **{what: most // 4}))
    of.set_nodes({"": [node(10 * GIB, cores=4)]}, Demand())
    most = getattr(of.space.total, what)
    each = Share("t", Demand(memory=1, **{what: most // 4}))
    async with admissions(of) as at:
        for name in "abcde":
            await at.ask_for(name, each)
        assert at.admitted == ["a", "b", "c", "d"]
        await at.end("a")
        assert at.admitted[-1] == "e"


async def test_a_runtimes_programs_are_limited_by_its_nodes() -> None:
    of = capacity(10)
    of.set_nodes({"": [node(8)], "gpu": [node(2)]}, Demand())
    async with admissions(of) as at:
        for name in "abc":
            await at.ask_for(name, share("t", 1, place="gpu"))
        assert at.admitted == ["a", "b"]
        await at.ask("d", "u", 8)
        assert at.admitted == ["a", "b", "d"], "the other nodes are not full"
        await at.end("a")
        assert at.admitted[-1] == "c"


async def test_a_runtime_without_nodes_is_limited_by_all_nodes() -> None:
    of = capacity(2)
    of.set_nodes({"": [node(2)], "gpu": []}, Demand())
    async with admissions(of) as at:
        for name in "abc":
            await at.ask_for(name, share("t", 1, place="gpu"))
        assert at.admitted == ["a", "b"]


async def test_an_execution_larger_than_the_largest_node_is_rejected_at_once() -> None:
    of = capacity(10)
    of.set_nodes({"": [node(GIB), node(2 * GIB)]}, Demand())
    async with admissions(of) as at:
        await at.ask("a", "t", 2 * GIB + 1)
        refusal = await at.refusal("a")
    assert refusal.reason is Reason.UNSCHEDULABLE
    assert "more than the 2048 MiB that the largest sandbox node has" in refusal.message


async def test_an_execution_larger_than_the_total_capacity_is_rejected_at_once() -> None:
    async with admissions(capacity(GIB)) as at:
        await at.ask("a", "t", GIB + 1)
        assert (await at.refusal("a")).reason is Reason.UNSCHEDULABLE
        await at.ask("b", "t", GIB)
        assert at.admitted == ["b"]


async def test_a_removed_node_does_not_end_running_executions() -> None:
    async with admissions(capacity(4)) as at:
        await at.ask("a", "t", 4)
        at.of.set_nodes({"": [node(2)]})
        await at.ask("b", "t", 2)
        assert at.admitted == ["a"]
        await at.end("a")
        assert at.admitted == ["a", "b"]


async def test_running_executions_count_even_over_the_capacity() -> None:
    async with admissions(capacity(2)) as at:
        running = share("t", 3)
        at.of.occupy(running)
        await at.ask("a", "t", 1)
        assert at.admitted == []
        at.of.give_back(running)
        await settled()
        assert at.admitted == ["a"]


@pytest.mark.parametrize(
    ("pods", "cpu", "memory", "fit"),
    [
        (110, "0", "0", 66),
        (110, "10m", "0", 66),
        (250, "50m", "64Mi", 24),
        (250, "10m", "64Mi", 120),
        (250, "10m", "1Gi", 14),
    ],
)
def test_no_more_programs_run_than_the_scheduler_can_place(
    pods: int, cpu: str, memory: str, fit: int
) -> None:
    """The rest of what Pods may request is for waiting Pods and other Pods of the node."""
    of = capacity(1, capacity_share=0.6, pod_request_cpu=cpu, pod_request_memory=memory)
    of.set_nodes({"": [Node(24 * GIB, 2000, {}, (), pods)]}, Demand())
    assert of.space.total.running == fit
