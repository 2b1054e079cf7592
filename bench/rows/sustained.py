"""Sustained rates: bare Pods, single-use, reuse."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from access.bare import bare_pods
from world import CLIENTS, REUSE, SINGLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from access.bare import Bare
    from figures.run import Figure
    from world import World

_SETTLE_SECONDS = 4.0
"""Time before counting begins: by then the full pool is used up and every worker is busy."""


async def churn(world: World) -> None:
    """Measure concurrent bare Pods, each until its object is removed."""
    async with bare_pods(world.cluster, SINGLE, None) as bare:
        for number in world.sizes.churn:
            figure, seconds = world.figures[f"churn{number}"], world.sizes.churn_seconds
            await count_slice(figure, number, seconds, _bare(bare.of(number)))
            await world.cluster.quiet()


async def single_use(world: World) -> None:
    """Measure clients that send request after request; each program has a new Pod."""
    await _requests(world, "single", SINGLE)


async def reuse(world: World) -> None:
    """Measure the same with Pods that one tenant reuses."""
    await _requests(world, "reuse", REUSE)


def _bare(at_once: Bare) -> Callable[[], Awaitable[tuple[float, str | None]]]:
    async def one() -> tuple[float, str | None]:
        return await at_once.one(), None

    return one


async def _requests(world: World, key: str, runtime: str) -> None:
    async def one() -> tuple[float, str | None]:
        answer = await world.client.execute(runtime)
        return answer.seconds, answer.failure

    await count_slice(world.figures[key], CLIENTS, world.sizes.slice_seconds, one)


async def batch(world: World, key: str, runtime: str, count: int) -> None:
    """Measure the rate of `count` requests from eight clients, starting with a full pool.

    A fixed number of requests is more exact than a period of some seconds, at whose end clients in
    lockstep may complete one request more or less.
    """
    figure, left = world.figures[key], iter(range(count))

    async def work() -> None:
        for _ in left:
            answer = await world.client.execute(runtime)
            if answer.failure is not None:
                figure.failures[answer.failure] += 1
                continue
            figure.count += 1
            figure.values.append(1000 * answer.seconds)

    began = time.monotonic()
    await asyncio.gather(*(work() for _ in range(CLIENTS)))
    figure.seconds += time.monotonic() - began


async def count_slice(
    figure: Figure,
    workers: int,
    seconds: float,
    one: Callable[[], Awaitable[tuple[float, str | None]]],
) -> None:
    """Count the operations of one slice, after a settling period."""
    begin = time.monotonic() + _SETTLE_SECONDS
    end = begin + seconds

    async def work() -> None:
        while time.monotonic() < end:
            took, failure = await one()
            if begin <= time.monotonic() < end:
                if failure is not None:
                    figure.failures[failure] += 1
                    continue
                figure.count += 1
                figure.values.append(1000 * took)

    await asyncio.gather(*(work() for _ in range(workers)))
    figure.seconds += seconds
