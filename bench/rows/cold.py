"""A cold hello world: through Cloche, and alternately in a bare Pod with the same resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from access.bare import bare_pods
from world import SINGLE

if TYPE_CHECKING:
    from world import World

_MEMORY_MB = 384  # no waiting Pod has this: they have the runtime's default


async def measure(world: World, count: int) -> None:
    """Measure pairs: a bare Pod until its removal, and a request until its Pod's removal."""
    async with bare_pods(world.cluster, SINGLE, f"{_MEMORY_MB}Mi") as bare:
        for _ in range(count):
            await world.cluster.quiet()
            world.figures["bare"].values.append(1000 * await bare.one())
            await one_request(world)


async def one_request(world: World) -> None:
    """Measure one request that finds no waiting Pod."""
    await world.cluster.quiet()
    answer = await world.client.execute(SINGLE, resources={"memory_mb": _MEMORY_MB})
    if answer.failure is not None:
        world.figures["cold"].failures[answer.failure] += 1
    else:
        world.figures["cold"].values.append(1000 * answer.seconds)
