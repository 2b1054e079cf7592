"""The choice of the records that are removed over a limit."""

from __future__ import annotations

import pytest

from cloche_operator.retention.excess import Bounds, Record, excess


def of(tenant: str, *sizes: int) -> list[Record]:
    return [Record(f"{tenant}{n}", "", tenant, size, float(n)) for n, size in enumerate(sizes)]


def gone(records: list[Record], number: int = 100, size: int = 100, tenant: int = 100) -> list[str]:
    return [record.name for record in excess(records, Bounds(number, size, tenant))]


def test_no_record_is_removed_within_the_limits() -> None:
    assert gone(of("a", 1, 1) + of("b", 98), number=3) == []
    assert gone([], number=0, size=0, tenant=0) == []


def test_records_over_the_limit_on_their_number_come_from_the_tenant_with_most() -> None:
    victim = of("victim", 20, 20)
    assert gone(victim + of("many", 1, 1, 1, 1, 1), number=5) == ["many0", "many1"]


def test_records_over_the_limit_on_bytes_come_from_the_tenant_with_most() -> None:
    many_small = of("small", *[1] * 20)
    assert gone(many_small + of("large", 60, 30, 30), size=100) == ["large0"]
    assert gone(many_small + of("large", 60, 30, 30), size=45) == ["large0", "large1", "large2"]


def test_tenants_with_equally_many_records_lose_in_turn() -> None:
    found = gone(of("a", 1, 1, 1, 1) + of("b", 1, 1, 1, 1), number=4)
    assert sorted(found) == ["a0", "a1", "b0", "b1"]


def test_a_tenant_over_its_own_limit_loses_records() -> None:
    assert gone(of("a", 6, 6, 6) + of("b", 10), tenant=12) == ["a0"]


def test_records_removed_for_one_limit_count_for_the_others() -> None:
    records = of("a", 50, 50, 50) + of("b", 10)
    assert gone(records, number=2, size=60, tenant=100) == ["a0", "a1"]


@pytest.mark.parametrize("bound", [0, 1, 2, 3])
def test_as_many_records_remain_as_the_limit_allows(bound: int) -> None:
    assert len(gone(of("a", 1, 1) + of("b", 1), number=bound)) == 3 - bound
