"""The budget in bytes: total, shares of tenants, cut charges, and waiting charges."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from support.deadline import settled

from cloche_api.accounting.budget import ByteBudget, Charge, FullError
from cloche_api.limits import MIB


def cuttable(
    budget: ByteBudget, tenant: str | None, count: int, cuts: list[str], name: str
) -> Charge:
    return budget.charge(tenant, count, cut=lambda: cuts.append(name))


def test_leaving_the_block_releases_the_resized_charge() -> None:
    budget = ByteBudget(100)
    with budget.charged("a", 10) as charge:
        charge.resize(60)
        assert (budget.used, budget.of("a")) == (60, 60)
        charge.resize(5)
        assert (budget.used, budget.of("a")) == (5, 5)
    assert (budget.used, budget.of("a")) == (0, 0)


def test_a_charge_over_the_total_is_rejected_and_changes_nothing() -> None:
    budget = ByteBudget(200 * MIB)
    budget.charge("a", 150 * MIB)
    held = budget.charge("b", 40 * MIB)
    with pytest.raises(FullError, match="190 of 200 MiB in all"):
        held.resize(51 * MIB)
    assert held.bytes == 40 * MIB
    assert budget.used == 190 * MIB


def test_a_tenant_cannot_be_charged_more_than_its_share() -> None:
    budget = ByteBudget(100, 0.5)
    budget.charge("a", 50)
    with pytest.raises(FullError, match="of this tenant"):
        budget.charge("a", 1)
    budget.charge("b", 50)


def test_clients_without_a_key_share_the_share_of_one_tenant() -> None:
    budget = ByteBudget(100, 0.5)
    budget.charge(None, 50)
    with pytest.raises(FullError):
        budget.charge(None, 1)


def test_a_tenant_over_its_share_has_its_own_largest_cuttable_charge_cut() -> None:
    budget, cuts = ByteBudget(100, 0.5), list[str]()
    cuttable(budget, "a", 10, cuts, "small")
    large = cuttable(budget, "a", 30, cuts, "large")
    cuttable(budget, "b", 45, cuts, "another's")
    budget.charge("a", 20)
    assert cuts == ["large"]
    assert (large.bytes, budget.of("a"), budget.of("b")) == (0, 30, 45)


def test_a_full_budget_cuts_a_charge_of_the_tenant_with_most_cuttable_bytes() -> None:
    budget, cuts = ByteBudget(100), list[str]()
    cuttable(budget, "a", 30, cuts, "a's one")
    for name in ("b1", "b2", "b3"):
        cuttable(budget, "b", 20, cuts, name)
    budget.charge("c", 25)
    assert len(cuts) == 1
    assert cuts[0].startswith("b")


def test_a_charge_that_would_itself_be_the_largest_is_rejected() -> None:
    budget, cuts = ByteBudget(100), list[str]()
    greedy = cuttable(budget, "a", 40, cuts, "greedy")
    cuttable(budget, "a", 50, cuts, "other")
    with pytest.raises(FullError):
        greedy.resize(60)
    assert cuts == []
    assert greedy.bytes == 40


def test_a_charge_that_is_not_cuttable_is_never_cut() -> None:
    budget = ByteBudget(100)
    kept = budget.charge("a", 90)
    with pytest.raises(FullError):
        budget.charge("b", 20)
    assert kept.bytes == 90


def test_releasing_a_cut_charge_leaves_the_budget_empty() -> None:
    budget, cuts = ByteBudget(100), list[str]()
    first = cuttable(budget, "a", 60, cuts, "first")
    second = budget.charge("b", 60)
    assert cuts == ["first"]
    first.release()
    second.release()
    assert (budget.used, budget._tenants, budget._cuttable) == (0, {}, {})


@dataclass(frozen=True)
class WaitingCharges:
    """A budget of 10 bytes, of which one holds `first` and two more have asked."""

    budget: ByteBudget
    first: Charge
    second: asyncio.Task[Charge]
    third: asyncio.Task[Charge]


async def waiting_charges(first: int, second: int, third: int) -> WaitingCharges:
    budget = ByteBudget(10)
    held = await budget.take(first)
    tasks = [asyncio.create_task(budget.take(size)) for size in (second, third)]
    await settled()
    assert not any(task.done() for task in tasks)
    return WaitingCharges(budget, held, *tasks)


def test_a_charge_that_cannot_wait_gets_no_more_than_the_free_bytes() -> None:
    budget = ByteBudget(10)
    first = budget.try_take(7)
    assert first is not None
    assert budget.try_take(4) is None
    assert budget.try_take(3) is not None
    first.release()
    first.release()
    assert budget.used == 3


def test_a_charge_that_cannot_wait_gets_no_more_than_the_tenants_share() -> None:
    budget = ByteBudget(10, 0.5)
    assert budget.try_take(5, "a") is not None
    assert budget.try_take(1, "a") is None
    assert budget.try_take(5, "b") is not None


async def test_waiting_charges_are_taken_in_order() -> None:
    waiting = await waiting_charges(7, 8, 1)
    assert waiting.budget.try_take(1) is None, "it would overtake the waiting charges"
    waiting.first.release()
    await settled()
    assert waiting.second.done()
    assert waiting.third.done()
    assert waiting.budget.used == 9


async def test_a_charge_that_shrinks_lets_the_next_be_taken() -> None:
    waiting = await waiting_charges(7, 8, 2)
    waiting.first.resize(1)
    await settled()
    assert waiting.second.done()
    assert not waiting.third.done()
    assert waiting.budget.used == 9


async def test_a_charge_larger_than_the_budget_takes_all_of_it() -> None:
    waiting = await waiting_charges(1, 1000, 1)
    waiting.first.release()
    (await waiting.second).release()
    (await waiting.third).release()
    assert waiting.budget.used == 0


async def test_a_cancelled_charge_lets_the_next_be_taken() -> None:
    waiting = await waiting_charges(7, 8, 1)
    waiting.second.cancel()
    await settled()
    assert waiting.third.done()
    waiting.first.release()
    assert waiting.budget.used == 1


@pytest.mark.parametrize("cancelled", ["before its turn", "after its turn"])
async def test_a_charge_cancelled_at_its_turn_lets_the_next_be_taken(cancelled: str) -> None:
    waiting = await waiting_charges(10, 10, 5)
    if cancelled == "before its turn":
        waiting.second.cancel()
        waiting.first.release()  # the cancelled task has not run yet
    else:
        waiting.first.release()
        waiting.second.cancel()
    await settled()
    assert waiting.third.done()
    assert waiting.budget.used == 5
