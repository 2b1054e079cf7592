"""The bytes that executions may cause to be written within ten minutes."""

from __future__ import annotations

from cloche_api.accounting.write_limit import METADATA_BYTES, SECONDS, WRITES, WriteLimit
from cloche_api.limits import KIB, MIB

SPEC = 700 * KIB
RESULT = 700 * KIB
FULL = WRITES * (SPEC + METADATA_BYTES) + RESULT


class Clock:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def limit(
    total: int = 640 * MIB, per_tenant: int = 256 * MIB, clock: Clock | None = None
) -> WriteLimit:
    return WriteLimit(total, per_tenant, clock or Clock())


def run(
    made: WriteLimit, tenant: str, name: str, *, spec: int = SPEC, result: int = RESULT
) -> bool:
    """An execution from its create to its end; whether it was taken."""
    if made.take(tenant, name, spec) is not None:
        return False
    made.ended(tenant, name, spec + result, WRITES, lambda: spec)
    return True


def flood(made: WriteLimit, tenant: str, count: int = 1000) -> int:
    """So many executions of full size; how many were taken."""
    return sum(run(made, tenant, f"{tenant}-{n}") for n in range(count))


def test_a_tenant_can_write_up_to_its_own_limit() -> None:
    made = limit()
    assert flood(made, "a") * FULL <= made.used <= 256 * MIB
    assert made.used > 256 * MIB - FULL


def test_tenants_at_the_total_limit_leave_bytes_for_another_tenant() -> None:
    made = limit()
    tenants = [f"t{n}" for n in range(9)]
    for n in range(1000):
        for tenant in tenants:
            run(made, tenant, f"{tenant}-{n}")
    assert made.used <= 640 * MIB
    assert made.used >= 640 * MIB * 9 // 10 - len(tenants) * FULL
    assert all(run(made, "modest", f"m{n}", spec=KIB, result=KIB) for n in range(1000))


def test_charges_older_than_the_window_no_longer_count() -> None:
    clock = Clock()
    made = limit(clock=clock)
    taken = flood(made, "a")
    clock.seconds += SECONDS - 30
    assert not run(made, "a", "too-early")
    clock.seconds += 60
    assert made.used == 0
    assert flood(made, "a") == taken


def test_a_rejection_states_the_limit_and_when_to_retry() -> None:
    clock = Clock()
    made = limit(clock=clock)
    flood(made, "a")
    excess = made.take("a", "more", SPEC)
    assert excess is not None
    assert "Too many bytes" in str(excess)
    assert "at most 256 MiB" in str(excess)
    clock.seconds += excess.seconds
    assert made.take("a", "more", SPEC) is None


def test_a_rejected_charge_is_not_counted_and_a_forced_one_is() -> None:
    made = limit()
    flood(made, "a")
    before = made.used
    assert made.take("a", "refused", SPEC) is not None
    assert made.used == before
    assert made.take("a", "forced", SPEC, force=True) is None
    assert made.used > before


def test_a_forgotten_charge_no_longer_counts() -> None:
    made = limit()
    assert made.take("a", "one", SPEC) is None
    made.forget("one")
    made.forget("one")
    assert made.used == 0


def test_a_repeated_charge_counts_once() -> None:
    made = limit()
    made.take("a", "one", SPEC)
    before = made.used
    made.take("a", "one", SPEC)
    assert made.used == before


def test_the_end_of_an_execution_corrects_its_expected_charge() -> None:
    made = limit()
    made.take("a", "small", KIB)
    made.ended("a", "small", KIB + 100, WRITES, lambda: KIB)
    assert made.used == WRITES * (KIB + METADATA_BYTES) + 100


def test_the_end_of_an_execution_of_another_gateway_is_charged() -> None:
    made = limit()
    made.ended("a", "others", SPEC + RESULT, WRITES + 1, lambda: SPEC)
    assert made.used == (WRITES + 1) * (SPEC + METADATA_BYTES) + RESULT


def test_a_pending_result_is_expected_to_be_as_large_as_the_last() -> None:
    made = limit()
    run(made, "a", "first")
    before = made.used
    made.take("a", "second", SPEC)
    assert made.used - before == FULL


def test_the_expected_size_shrinks_after_many_small_results() -> None:
    made = limit()
    run(made, "a", "large")
    for n in range(40):
        run(made, "a", f"small-{n}", spec=KIB, result=KIB)
    before = made.used
    made.take("a", "next", KIB)
    assert made.used - before < 20 * KIB


def test_an_end_after_the_window_is_charged_again() -> None:
    clock = Clock()
    made = limit(clock=clock)
    made.take("a", "slow", SPEC)
    clock.seconds += SECONDS + 60
    made.ended("a", "slow", SPEC + RESULT, WRITES, lambda: SPEC)
    assert made.used == FULL


def test_an_end_corrects_the_slot_in_which_its_execution_was_charged() -> None:
    clock = Clock()
    made = limit(clock=clock)
    made.take("a", "one", SPEC)
    clock.seconds += 30
    made.take("b", "two", SPEC)
    made.ended("a", "one", SPEC + RESULT, WRITES, lambda: SPEC)
    clock.seconds += SECONDS - 20
    assert made.used < 2 * FULL - RESULT
    clock.seconds += 40
    assert made.used == 0


def test_a_rejection_at_the_total_limit_states_usage_and_retry_time() -> None:
    made = limit(total=10 * FULL, per_tenant=10 * FULL)
    flood(made, "a")
    assert flood(made, "b") > 0
    excess = made.take("a", "more", SPEC)
    assert excess is not None
    assert excess.limit < excess.used
    assert 0 < excess.seconds <= SECONDS + 10


def test_a_source_is_charged_once() -> None:
    made = limit()
    assert made.take("a", "one", KIB, source=SPEC) is None
    made.ended("a", "one", KIB + 100, WRITES, lambda: KIB, source=SPEC)
    cost = WRITES * (KIB + METADATA_BYTES) + SPEC + METADATA_BYTES + 100
    assert made.used == cost
    made.ended("a", "of another gateway", KIB + 100, WRITES, lambda: KIB, source=SPEC)
    assert made.used == 2 * cost


def test_a_source_without_an_execution_is_charged_alone() -> None:
    made = limit()
    made.take("a", "one", KIB, source=SPEC)
    made.forget("one")
    made.wrote("a", SPEC)
    assert made.used == SPEC + METADATA_BYTES


def test_sources_without_executions_use_up_the_tenants_limit() -> None:
    """One that only sends what is refused afterwards writes all the same."""
    made = limit()
    for _ in range(256 * MIB // SPEC):
        made.wrote("a", SPEC)
    assert made.take("a", "next", SPEC) is not None
    assert made.take("b", "next", SPEC) is None
