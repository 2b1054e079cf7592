"""Uploaded files: their bounds, their time, and what they are charged."""

from __future__ import annotations

import asyncio

import pytest

from cloche_api.accounting.budget import ByteBudget, FullError
from cloche_api.limits import MIB
from cloche_gateway.limits.file_store import SECONDS, TENANT_BYTES, TOTAL_BYTES, FileStore


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def store(total: int = 192 * MIB) -> tuple[FileStore, ByteBudget, Clock]:
    budget, clock = ByteBudget(total, 0.5), Clock()
    return FileStore(budget, clock), budget, clock


async def test_a_file_is_kept_and_charged_until_it_is_replaced_or_cleared() -> None:
    kept, budget, _ = store()
    kept.put("a", "f", b"one")
    kept.put("a", "f", b"three")
    assert kept.get("a", "f") == b"three"
    assert kept.get("a", "g") is None
    assert kept.get("b", "f") is None
    assert 5 < kept.of("a") == kept.total() == budget.of("a") < 10_000
    kept.clear()
    assert kept.get("a", "f") is None
    assert (kept.total(), budget.used) == (0, 0)


async def test_the_file_that_was_not_used_for_longest_makes_room() -> None:
    kept, _, _ = store()
    for name in "abcde":
        kept.put("t", name, b"\0" * (3 * MIB))
    kept.get("t", "a")
    kept.put("t", "f", b"\0" * (3 * MIB))
    assert [name for name in "abcdef" if kept.get("t", name) is not None] == list("acdef")
    assert kept.of("t") <= TENANT_BYTES


async def test_all_tenants_together_are_bounded_and_the_largest_gives_way() -> None:
    kept, budget, _ = store()
    kept.put("small", "f", b"kept")
    for tenant in "abcdef":
        for name in "xyz":
            kept.put(tenant, name, b"\0" * (4 * MIB))
    assert kept.total() == budget.used <= TOTAL_BYTES
    assert kept.get("small", "f") == b"kept"
    assert kept.get("f", "z") is not None


async def test_small_files_are_bounded_in_number() -> None:
    kept, _, _ = store()
    for number in range(5000):
        kept.put("t", str(number), b"")
    assert kept.get("t", "4999") == b""
    assert kept.get("t", "0") is None
    assert kept.of("t") <= TENANT_BYTES


async def test_a_file_is_dropped_an_hour_after_its_last_use() -> None:
    kept, budget, clock = store()
    kept.put("t", "used", b"1")
    kept.put("t", "unused", b"2")
    clock.now += SECONDS - 1
    assert kept.get("t", "used") == b"1"
    clock.now += 2
    assert kept.get("t", "unused") is None
    clock.now += SECONDS
    kept.sweep()
    assert budget.used == 0


async def test_the_sweep_comes_by_itself() -> None:
    kept, budget, clock = store()
    kept.put("t", "f", b"1")
    clock.now += SECONDS
    kept.sweep()
    assert budget.used == 0
    kept.put("t", "g", b"1")
    timer = kept._timer
    assert timer is not None
    assert timer.when() - asyncio.get_running_loop().time() == pytest.approx(SECONDS, abs=5)
    kept.clear()


async def test_the_budget_takes_the_files_of_a_tenant_back_when_it_needs_room() -> None:
    kept, budget, _ = store(total=32 * MIB)
    kept.put("t", "large", b"\0" * (8 * MIB))
    kept.put("t", "small", b"1")
    kept.put("other", "f", b"1")
    budget.charge("t", 12 * MIB)
    assert kept.get("t", "large") is None
    assert kept.get("t", "small") is None
    assert kept.get("other", "f") == b"1"
    assert kept.total() == kept.of("other") < MIB
    kept.put("t", "again", b"1")
    assert kept.get("t", "again") == b"1"


async def test_older_files_of_a_tenant_make_room_in_the_budget() -> None:
    kept, budget, _ = store(total=16 * MIB)
    kept.put("t", "old", b"\0" * (4 * MIB))
    kept.put("t", "new", b"\0" * (5 * MIB))
    assert kept.get("t", "old") is None
    assert kept.get("t", "new") is not None
    assert kept.total() == budget.used < 6 * MIB


async def test_a_file_without_room_is_refused_and_keeps_nothing() -> None:
    kept, budget, _ = store(total=8 * MIB)
    held = budget.charge("t", 4 * MIB)
    with pytest.raises(FullError):
        kept.put("t", "f", b"\0" * MIB)
    assert kept.get("t", "f") is None
    assert (kept.total(), budget.used) == (0, held.bytes)
