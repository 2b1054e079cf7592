"""Random programs of several tenants: the limits hold, and each program gets its turn."""

from __future__ import annotations

import random

import pytest
from support.deadline import settled
from support.fixtures.admissions import (
    PATIENCE,
    Admissions,
    Clock,
    admissions,
    capacity,
    node,
    share,
)

from cloche_operator.model.resources import UNBOUNDED, Demand


@pytest.mark.parametrize("seed", range(10))
async def test_limits_hold_and_no_tenant_starves_under_random_load(seed: int) -> None:
    """Nothing is overcommitted, no tenant exceeds its part, and everything that waits runs."""
    chance, clock = random.Random(seed), Clock()  # noqa: S311  not a secret
    of = capacity(20, clock=clock, tenant_share=0.8, session_share=0.5, queue_timeout_seconds=600)
    of.set_nodes({"": [node(20)]}, Demand(memory=2, cpu=UNBOUNDED, running=1))
    running: list[str] = []
    async with admissions(of) as at:
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
            assert running, "capacity is free, but no execution is admitted"
            await at.end(running[0])
            del at.shares[running[0]]
            _judge(at)
        assert sorted(at.admitted, key=int) == [str(n) for n in range(300)]
        for name in [name for name in at.admitted if name in at.shares]:
            await at.end(name)
    assert of.usage.total == Demand()
    assert not of.usage.tenants
    assert not of.usage._sessions
    assert not of._beside


def _judge(at: Admissions) -> None:
    held = [at.shares[name] for name in at.admitted if name in at.shares]
    assert sum(s.demand.memory for s in held) == at.of.usage.total.memory <= 20
    assert sum(s.demand.memory for s in held if s.is_session) <= 10
    for tenant in "abc":
        assert sum(s.demand.memory for s in held if s.tenant == tenant) <= 16
        assert at.of.usage.of(tenant).running == sum(s.tenant == tenant for s in held)
        assert sum(s.tenant == tenant and s.concurrency is not None for s in held) <= 3


@pytest.mark.parametrize("seed", range(5))
async def test_a_large_execution_waits_no_longer_than_running_ones_take(seed: int) -> None:
    """The small ones of other tenants pass it for 5 s only, even if there are many."""
    chance, clock, seconds = random.Random(seed), Clock(), 10.0  # noqa: S311  not a secret
    of = capacity(10, clock=clock)
    of.set_nodes({"": [node(10)]}, Demand(memory=1, cpu=UNBOUNDED, running=1))
    ends: dict[str, float] = {}
    async with admissions(of) as at:
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


async def test_long_programs_of_one_tenant_do_not_delay_short_ones_of_another() -> None:
    """One tenant submits 300 s programs of any size without pause; the other waits 5 s at most."""
    chance, clock = random.Random(1), Clock()  # noqa: S311  not a secret
    of = capacity(48, clock=clock, tenant_share=0.9)
    of.set_nodes({"": [node(48)]}, Demand(memory=5, cpu=UNBOUNDED, running=1))
    ends: dict[str, float] = {}
    waits: list[float] = []
    async with admissions(of) as at:
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
