from __future__ import annotations

import pytest

from cloche_api.resources.amounts import UsedResources
from cloche_operator.queue.demand import UNBOUNDED, Demand, demand_of

MIB = 1024**2


@pytest.mark.parametrize(
    ("memory", "cpu", "expected"),
    [
        ("512Mi", "1", Demand(512 * MIB, 1000, 520, 512 * 1024, 1)),
        ("64Mi", "50m", Demand(64 * MIB, 50, 72, 64 * 256, 1)),
        ("2Gi", 2, Demand(2048 * MIB, 2000, 520, 512 * 1024, 1)),
    ],
)
def test_what_a_pod_takes(memory: str, cpu: str | int, expected: Demand) -> None:
    used = UsedResources(cpu=cpu, memory=memory, disk="1Mi")
    assert demand_of(used) == expected
    with_overhead = demand_of(used, overhead=MIB)
    assert with_overhead - expected == Demand(memory=MIB)


def test_the_resource_of_which_it_takes_most_decides() -> None:
    total = Demand(memory=100, cpu=10, processes=UNBOUNDED, files=0, running=1000)
    assert Demand(memory=50, cpu=1, processes=5, running=1).dominant_share(total) == 0.5
    assert Demand(memory=10, cpu=9).dominant_share(total) == 0.9
    assert Demand(memory=1).dominant_share(Demand()) == 0.0


def test_it_fits_where_no_resource_is_too_little() -> None:
    total = Demand(1, 2, 3, 4, 5)
    assert total.fits(total)
    for over in (Demand(2), Demand(cpu=3), Demand(processes=4), Demand(files=5), Demand(running=6)):
        assert not over.fits(total)
