"""A hello world cold: through Cloche, and in a bare Pod of the same resources, in turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bare import bare_pods
from world import SINGLE

if TYPE_CHECKING:
    from world import World

_MEMORY_MB = 384  # what fits no waiting Pod: those have the runtime's default


async def measure(world: World, count: int) -> None:
    """Measure pairs: a bare Pod, until it is gone, and a request, until its Pod is gone."""
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
