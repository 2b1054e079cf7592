"""The size of the gateway's memory budget, and the errors for clients when it is full."""

from __future__ import annotations

import pytest

from cloche_api.limits import MIB
from cloche_gateway.errors import OverloadedError
from cloche_gateway.limits.budget import Budget, size_for


def test_the_charts_memory_limit_leaves_192_mib_for_clients() -> None:
    assert size_for(512 * MIB) == 192 * MIB


def test_the_error_for_a_full_budget_asks_to_retry() -> None:
    budget = Budget(200 * MIB, 1.0)
    budget.charge("a", 190 * MIB)
    with pytest.raises(OverloadedError, match=r"190 MiB .* 200 MiB is .* try again"):
        budget.charge("b", 11 * MIB)


def test_the_error_for_a_full_tenant_share_names_the_tenants_requests() -> None:
    budget = Budget(200 * MIB, 0.5)
    budget.charge("a", 90 * MIB)
    with pytest.raises(OverloadedError, match=r"of this tenant 90 MiB .* 100 MiB is .* faster"):
        budget.charge("a", 11 * MIB)
