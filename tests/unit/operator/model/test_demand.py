from __future__ import annotations

import pytest

from cloche_api.resources.amounts import UsedResources
from cloche_operator.model.resources import UNBOUNDED, Demand, demand_of

MIB = 1024**2


@pytest.mark.parametrize(
    ("memory", "cpu", "expected"),
    [
        ("512Mi", "1", Demand(512 * MIB, 1000, 520, 512 * 1024, 1)),
        ("64Mi", "50m", Demand(64 * MIB, 50, 72, 64 * 256, 1)),
        ("2Gi", 2, Demand(2048 * MIB, 2000, 520, 512 * 1024, 1)),
    ],
)
def test_the_demand_of_a_pod_follows_its_limits(
    memory: str, cpu: str | int, expected: Demand
) -> None:
    used = UsedResources(cpu=cpu, memory=memory, disk="1Mi")
    assert demand_of(used) == expected
    with_overhead = demand_of(used, overhead=MIB)
    assert with_overhead - expected == Demand(memory=MIB)


def test_the_dominant_share_is_that_of_the_scarcest_resource() -> None:
    total = Demand(memory=100, cpu=10, processes=UNBOUNDED, files=0, running=1000)
    assert Demand(memory=50, cpu=1, processes=5, running=1).dominant_share(total) == 0.5
    assert Demand(memory=10, cpu=9).dominant_share(total) == 0.9
    assert Demand(memory=1).dominant_share(Demand()) == 0.0


def test_a_demand_fits_only_if_each_resource_is_sufficient() -> None:
    total = Demand(1, 2, 3, 4, 5)
    assert total.fits(total)
    for over in (Demand(2), Demand(cpu=3), Demand(processes=4), Demand(files=5), Demand(running=6)):
        assert not over.fits(total)
