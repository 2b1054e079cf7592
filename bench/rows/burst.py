"""Many requests at once, far more than there are waiting Pods."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from world import SINGLE

if TYPE_CHECKING:
    from world import World


async def measure(world: World) -> None:
    """Send all requests at once, and measure each response and the last one."""
    each, last = world.figures["burst"], world.figures["last"]
    calls = (world.client.execute(SINGLE) for _ in range(world.sizes.burst))
    answers = await asyncio.gather(*calls)
    for answer in answers:
        if answer.failure is not None:
            each.failures[answer.failure] += 1
        else:
            each.values.append(1000 * answer.seconds)
    last.values.append(1000 * max(answer.seconds for answer in answers))
