"""A hello world in a waiting, single-use Pod: what Cloche adds to the program's own time."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from rows import write
from rows.steps import add_overheads
from world import SINGLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from access.client import Answer
    from world import World

_CLIENTS, _EACH = 4, 2  # together fewer than there are waiting Pods
_APART_SECONDS = 1.0
"""Mean interval of requests while the pool refills: somewhat longer than a Pod takes to start, so
that the pool keeps up. It is uniform between none and twice as long, so that requests coincide with
all phases of a Pod's start."""
_SEED = 4


async def pool_full(world: World, count: int) -> None:
    """Measure one client; before each request all pools are full and the cluster is idle.

    One API write is measured before each request.
    """
    async with write.writes(world) as one_write:
        await at_rest(world, count, one_write)


async def at_rest(world: World, count: int, before: Callable[[], Awaitable[None]]) -> None:
    """Send the requests of `pool_full`, each after the measurement `before`."""
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
    """Measure one client that sends requests while Pods of earlier ones are replaced."""
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
    """Measure four concurrent clients with two requests each; before them all pools are full."""
    answers: list[Answer] = []

    async def client() -> None:
        for _ in range(_EACH):
            answers.append(await world.client.execute(SINGLE))  # noqa: PERF401  sequential requests

    for _ in range(-(-count // (_CLIENTS * _EACH))):
        await world.cluster.quiet()
        await asyncio.gather(*(client() for _ in range(_CLIENTS)))
    await world.cluster.quiet()
    await add_overheads(world, "clients", answers)
