"""One turn of a revision: what is measured after it was installed, before the other one is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from figures import Figures
from plan import opened
from pools import runtimes
from progress import BenchError, say
from ratios import ROWS
from rows import cold, sustained, warm
from server import SYSTEM
from world import REUSE, SINGLE, Sizes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from installation import Installation
    from server import Cluster
    from world import World

_LOOK_SECONDS = 0.2
_ENDING_SECONDS = 120.0  # for the last revision's Pods


@dataclass(frozen=True)
class Counts:
    """How many requests of each row in one turn."""

    warm: int = 20
    refill: int = 20
    cold: int = 8
    single: int = 30
    reuse: int = 300


_WARM_UP = Counts(warm=1, refill=2, cold=1, single=10, reuse=80)
"""Ten for each Pod that is used again; more than the single-use Pods of a pool."""


async def measure(to: Installation, first: int, counts: Counts | None = None) -> Figures:
    """Measure every row, beginning with the row of this number (counted on from the last again).

    Raises:
        BenchError: a row could not be measured.
    """
    async with opened(to, Figures(0), Sizes()) as world:
        await _last_pods_gone(world.cluster)
        async with runtimes(world.cluster):
            say("warming up")
            for _, measure_row in _rows(replace(world, figures=Figures(0)), _WARM_UP):
                await measure_row()
            rows = _rows(world, counts or Counts())
            first %= len(rows)
            for what, measure_row in rows[first:] + rows[:first]:
                await world.cluster.quiet()
                say(what)
                await measure_row()
    for row in ROWS:
        if row.key not in world.figures:
            failures = ", ".join(world.figures[row.key].failures)
            raise BenchError(f"{row.title}: no request succeeded: {failures}")
    return world.figures


def _rows(world: World, counts: Counts) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    async def colds() -> None:
        for _ in range(counts.cold):
            await cold.one_request(world)

    return [
        (
            f"{counts.warm} requests and API writes, pool full",
            lambda: warm.pool_full(world, counts.warm),
        ),
        (
            f"{counts.refill} requests, pool refilling",
            lambda: warm.pool_refilling(world, counts.refill),
        ),
        (f"{counts.cold} cold requests", colds),
        (
            f"{counts.single} requests of 8 clients, single-use",
            lambda: sustained.batch(world, "single", SINGLE, counts.single),
        ),
        (
            f"{counts.reuse} requests of 8 clients, reuse",
            lambda: sustained.batch(world, "reuse", REUSE, counts.reuse),
        ),
    ]


async def _last_pods_gone(cluster: Cluster) -> None:
    """Return when gateway and operator of the revision before have ended."""
    path = f"/api/v1/namespaces/{SYSTEM}/pods"
    try:
        async with asyncio.timeout(_ENDING_SECONDS):
            while any("deletionTimestamp" in pod for pod in await cluster.list_metadata(path)):
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        raise BenchError(f"Pods of {SYSTEM} did not end in {_ENDING_SECONDS:.0f} s") from None
