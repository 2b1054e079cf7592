"""A hello world in a Pod that waited, used once: what Cloche adds to the program's own time."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from rows import write
from steps import add_overheads
from world import SINGLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from client import Answer
    from world import World

_CLIENTS, _EACH = 4, 2  # together fewer than Pods wait
_APART_SECONDS = 1.0
"""From one request to the next while the pool refills, on average: somewhat longer than a Pod
takes to start, so that the pool keeps up. It is drawn between none and twice as long, so that
requests meet starting Pods at every moment."""
_SEED = 4


async def pool_full(world: World, count: int) -> None:
    """One client; before each request every pool is full and nothing else goes on.

    And one API write before each.
    """
    async with write.writes(world) as one_write:
        await at_rest(world, count, one_write)


async def at_rest(world: World, count: int, before: Callable[[], Awaitable[None]]) -> None:
    """The requests of `pool_full`, each after what is to be measured `before` it."""
    answers = []
    for _ in range(count):
        await world.cluster.quiet()
        await before()
        answers.append(await world.client.execute(SINGLE))
    await add_overheads(world, "warm", answers)


async def pool_refilling(
    world: World,
    count: int,
    key: str = "refill",
    before: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """One client that sends its next request while the Pods of the last ones are replaced."""
    answers, rng = [], random.Random(_SEED)  # noqa: S311  the same pauses in every run
    for _ in range(count):
        again = time.monotonic() + rng.uniform(0, 2 * _APART_SECONDS)
        await world.cluster.has_ready(SINGLE, 1)
        if before:
            await before()
        answers.append(await world.client.execute(SINGLE))
        await asyncio.sleep(max(0.0, again - time.monotonic()))
    await world.cluster.quiet()
    await add_overheads(world, key, answers)


async def four_clients(world: World, count: int) -> None:
    """Four clients at the same time, two requests each; before them every pool is full."""
    answers: list[Answer] = []

    async def client() -> None:
        for _ in range(_EACH):
            answers.append(await world.client.execute(SINGLE))  # noqa: PERF401  one by one

    for _ in range(-(-count // (_CLIENTS * _EACH))):
        await world.cluster.quiet()
        await asyncio.gather(*(client() for _ in range(_CLIENTS)))
    await world.cluster.quiet()
    await add_overheads(world, "clients", answers)
