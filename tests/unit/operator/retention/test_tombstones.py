"""The tombstones to delete: expired ones, and over a limit the first to expire."""

from __future__ import annotations

from cloche_operator.retention.tombstones import Tombstone, Tombstones

NOW = 1_000_000.0


def made(*listed: Tombstone, per_tenant: int = 10, in_all: int = 100) -> Tombstones:
    known = Tombstones(per_tenant, in_all)
    known.replace(listed)
    return known


def names(due: list[Tombstone]) -> list[str]:
    return [one.name for one in due]


def of(tenant: str, count: int) -> list[Tombstone]:
    return [Tombstone(f"{tenant}{n}", tenant, NOW + 1 + n) for n in range(count)]


def test_an_expired_tombstone_is_due() -> None:
    known = made(Tombstone("old", "a", NOW), Tombstone("young", "a", NOW + 1))
    assert names(known.due(NOW)) == ["old"]
    known.remove(Tombstone("old", "a", NOW))
    assert known.due(NOW) == []


def test_the_tombstones_of_a_tenant_over_its_limit_are_due() -> None:
    known = made(*of("a", 5), *of("b", 2), per_tenant=3)
    assert names(known.due(NOW)) == ["a0", "a1"]


def test_tombstones_over_the_total_limit_are_due_from_the_tenant_with_most() -> None:
    known = made(*of("a", 5), *of("b", 4), *of("c", 1), in_all=6)
    assert sorted(names(known.due(NOW))) == ["a0", "a1", "a2", "b0"]


def test_an_expired_tombstone_counts_towards_no_limit() -> None:
    expired = [Tombstone(f"old{n}", "a", NOW - n) for n in range(5)]
    known = made(*expired, *of("a", 3), per_tenant=3, in_all=3)
    assert len(known.due(NOW)) == 5


def test_a_tombstone_created_since_the_listing_is_known() -> None:
    known = made()
    known.add(Tombstone("new", "a", NOW))
    assert (len(known), names(known.due(NOW))) == (1, ["new"])
