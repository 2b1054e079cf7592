"""The budget in bytes: what fits, whose share, and who is cut when it does not."""

from __future__ import annotations

import pytest

from cloche_gateway.budget import MIB, Budget, Charge, size_for
from cloche_gateway.errors import OverloadedError


def cuttable(budget: Budget, tenant: str | None, count: int, cuts: list[str], name: str) -> Charge:
    return budget.charge(tenant, count, cut=lambda: cuts.append(name))


def test_the_charts_limit_leaves_192_mib_for_clients() -> None:
    assert size_for(512 * MIB) == 192 * MIB


def test_a_block_gives_back_what_its_charge_was_resized_to() -> None:
    budget = Budget(100, 1.0)
    with budget.charged("a", 10) as charge:
        charge.resize(60)
        assert (budget.used, budget.of("a")) == (60, 60)
        charge.resize(5)
        assert (budget.used, budget.of("a")) == (5, 5)
    assert (budget.used, budget.of("a")) == (0, 0)


def test_a_charge_beyond_the_total_is_refused_and_changes_nothing() -> None:
    budget = Budget(200 * MIB, 1.0)
    budget.charge("a", 150 * MIB)
    held = budget.charge("b", 40 * MIB)
    with pytest.raises(OverloadedError, match=r"190 MiB .* 200 MiB is .* try again"):
        held.resize(51 * MIB)
    assert held.bytes == 40 * MIB
    assert budget.used == 190 * MIB


def test_a_tenant_holds_its_share_at_most_and_leaves_the_rest_to_others() -> None:
    budget = Budget(100, 0.5)
    budget.charge("a", 50)
    with pytest.raises(OverloadedError, match="of this tenant"):
        budget.charge("a", 1)
    budget.charge("b", 50)


def test_clients_without_a_key_share_one_tenants_share() -> None:
    budget = Budget(100, 0.5)
    budget.charge(None, 50)
    with pytest.raises(OverloadedError):
        budget.charge(None, 1)


def test_a_tenant_that_is_full_loses_its_own_largest_charge_that_can_be_cut() -> None:
    budget, cuts = Budget(100, 0.5), list[str]()
    cuttable(budget, "a", 10, cuts, "small")
    large = cuttable(budget, "a", 30, cuts, "large")
    cuttable(budget, "b", 45, cuts, "another's")
    budget.charge("a", 20)
    assert cuts == ["large"]
    assert (large.bytes, budget.of("a"), budget.of("b")) == (0, 30, 45)


def test_a_full_budget_cuts_the_largest_charge_of_who_has_most_of_them() -> None:
    budget, cuts = Budget(100, 1.0), list[str]()
    cuttable(budget, "a", 30, cuts, "a's one")
    for name in ("b1", "b2", "b3"):
        cuttable(budget, "b", 20, cuts, name)
    budget.charge("c", 25)
    assert len(cuts) == 1
    assert cuts[0].startswith("b")


def test_a_charge_that_would_be_the_largest_itself_is_refused_instead() -> None:
    budget, cuts = Budget(100, 1.0), list[str]()
    greedy = cuttable(budget, "a", 40, cuts, "greedy")
    cuttable(budget, "a", 50, cuts, "other")
    with pytest.raises(OverloadedError):
        greedy.resize(60)
    assert cuts == []
    assert greedy.bytes == 40


def test_what_cannot_be_cut_is_never_cut() -> None:
    budget = Budget(100, 1.0)
    kept = budget.charge("a", 90)
    with pytest.raises(OverloadedError):
        budget.charge("b", 20)
    assert kept.bytes == 90


def test_a_charge_that_was_cut_can_be_released_again_and_nothing_is_left_behind() -> None:
    budget, cuts = Budget(100, 1.0), list[str]()
    first = cuttable(budget, "a", 60, cuts, "first")
    second = budget.charge("b", 60)
    assert cuts == ["first"]
    first.release()
    second.release()
    assert (budget.used, budget._tenants, budget._cuttable) == (0, {}, {})
