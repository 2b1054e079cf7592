"""Background tasks end with their owner, and retries wait longer each time."""

from __future__ import annotations

import asyncio
import itertools

from cloche_gateway.cluster.tasks import Background, backoff


def test_delays_double_up_to_the_longest() -> None:
    assert list(itertools.islice(backoff(0.2, 1.0), 5)) == [0.2, 0.4, 0.8, 1.0, 1.0]


async def test_closing_waits_for_short_tasks_and_cancels_the_others() -> None:
    ended: list[str] = []

    async def work(name: str, until: asyncio.Event) -> None:
        try:
            await until.wait()
            ended.append(f"{name} is done")
        except asyncio.CancelledError:
            ended.append(f"{name} is cancelled")
            raise

    short, never = asyncio.Event(), asyncio.Event()
    tasks = Background()
    tasks.start(work("short", short))
    tasks.start(work("long", never))
    await asyncio.sleep(0)
    short.set()
    await tasks.close(0.1)
    assert ended == ["short is done", "long is cancelled"]
    await tasks.close()
