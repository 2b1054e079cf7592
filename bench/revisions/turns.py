"""One turn of a revision: the measurements after its installation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from access.pools import runtimes
from access.server import SYSTEM
from figures.run import Figures
from plan import opened
from progress import BenchError, say
from revisions.ratios import ROWS, control
from rows import cold, sustained, warm, write
from world import REUSE, SINGLE, Sizes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from access.installation import Installation
    from access.server import Cluster
    from world import World

_LOOK_SECONDS = 0.2
_ENDING_SECONDS = 120.0  # for the previous revision's Pods


@dataclass(frozen=True)
class Counts:
    """The number of requests of each row in one turn."""

    warm: int = 16
    refill: int = 16
    cold: int = 6
    single: int = 24
    reuse: int = 240


_WARM_UP = Counts(warm=1, refill=0, cold=1, single=4, reuse=80)
"""Ten for each reused Pod."""


async def measure(to: Installation, first: int) -> Figures:
    """Measure every row, starting with row `first` (modulo their number).

    Raises:
        BenchError: a row could not be measured.
    """
    async with opened(to, Figures(0), Sizes()) as world:
        await _last_pods_gone(world.cluster)
        async with runtimes(world.cluster):
            say("warming up")
            for _, measure_row in _rows(replace(world, figures=Figures(0)), _WARM_UP):
                await measure_row()
            rows = _rows(world, Counts())
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
    """Return each row's description and function; each warm row has separate controls."""

    async def at_rest() -> None:
        async with write.controls(world, control("warm")) as before:
            await warm.at_rest(world, counts.warm, before)

    async def refilling() -> None:
        async with write.controls(world, control("refill")) as before:
            await warm.pool_refilling(world, counts.refill, before=before)

    async def colds() -> None:
        for _ in range(counts.cold):
            await cold.one_request(world)

    single, reuse = counts.single, counts.reuse
    return [
        (f"{counts.warm} requests, pool full", at_rest),
        (f"{counts.refill} requests, pool refilling", refilling),
        (f"{counts.cold} cold requests", colds),
        (
            f"{single} requests of 8 clients, single-use",
            lambda: sustained.batch(world, "single", SINGLE, single),
        ),
        (
            f"{reuse} requests of 8 clients, reuse",
            lambda: sustained.batch(world, "reuse", REUSE, reuse),
        ),
    ]


async def _last_pods_gone(cluster: Cluster) -> None:
    """Wait until gateway and operator of the previous revision have ended."""
    path = f"/api/v1/namespaces/{SYSTEM}/pods"
    try:
        async with asyncio.timeout(_ENDING_SECONDS):
            while any("deletionTimestamp" in pod for pod in await cluster.list_metadata(path)):
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        raise BenchError(f"Pods of {SYSTEM} did not end within {_ENDING_SECONDS:.0f} s") from None
