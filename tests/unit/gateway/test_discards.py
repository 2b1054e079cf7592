"""Limit on reading the bodies of rejected requests."""

from __future__ import annotations

from cloche_gateway.limits.discards import Discards

_MIB = 1024 * 1024


def test_the_gateway_discards_64_mib_of_a_tenant_and_then_2_mib_per_second() -> None:
    now = 100.0
    discards = Discards(lambda: now)
    assert all(discards.reads_on("eager", _MIB) for _ in range(64))
    assert not discards.reads_on("eager", 1)
    assert discards.reads_on("other", _MIB)
    assert discards.reads_on(None, _MIB)
    now += 1
    assert discards.reads_on("eager", _MIB)
    assert not discards.reads_on("eager", _MIB)
    now += 1
    for _ in range(1000):
        discards.reads_on("eager", _MIB)
    now += 6
    assert discards.reads_on("eager", 1), "bytes over the limit count only for seconds"
    now += 3600
    assert all(discards.reads_on("eager", _MIB) for _ in range(64))
    assert not discards.reads_on("eager", 1), "unused allowance is limited"
