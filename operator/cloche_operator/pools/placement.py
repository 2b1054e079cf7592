"""Room on the nodes: which Pods may be created while the scheduler finds no node for others.

On full nodes the scheduler tries new Pods before Pods in back-off. A steady stream of new Pods
would starve the oldest ones until they time out. So no Pod is created for full nodes, and waiting
Pods are removed to make room for a Pod that a program needs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloche_api.resources.phases import Reason
from cloche_operator.model.status import EndedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cloche_operator.context import Context
    from cloche_operator.model.pod import Pod
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.pools.pool import Pool
    from cloche_operator.state.cache import Runtime

_LOOK_SECONDS = 1.0  # for changes that the watch has missed


def is_for_pool(ctx: Context, runtime: Runtime) -> bool:
    """Return whether a Pod may be created for a pool of this runtime."""
    return next(_competitors(ctx, runtime), None) is None


async def for_program(ctx: Context, runtime: Runtime) -> None:
    """Wait until no other program's Pod waits for the nodes that this runtime's Pods use.

    Raises:
        EndedError: Unschedulable, if one waits for the whole start timeout.
    """
    seconds = ctx.settings.start_timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            while pod := next(filter(_is_needed, _competitors(ctx, runtime)), None):
                await ctx.pods.changed(pod.name, _LOOK_SECONDS)
    except TimeoutError:
        message = f"The nodes were full for {seconds:g} s, and other Pods waited for them."
        raise EndedError(Reason.UNSCHEDULABLE, message) from None


def given_up_for(ctx: Context, pod: Pod, pools: Iterable[Pool]) -> Sandbox | None:
    """Take the waiting Pod out of its pool that makes room for `pod`, which no node accepts.

    It is the newest of the fullest pool. None if no program needs `pod`, or if no pool has room.
    """
    runtime = _runtime_of(ctx, pod)
    if runtime is None or not _is_needed(pod):
        return None
    rivals = [pool for pool in pools if pool.waiting and pool.runtime.competes_with(runtime)]
    return max(rivals, key=lambda pool: len(pool.waiting)).waiting.pop() if rivals else None


def _is_needed(pod: Pod) -> bool:
    """Return whether a program needs the Pod. A waiting Pod of a pool is not needed yet."""
    return not pod.waits


def _competitors(ctx: Context, runtime: Runtime) -> Iterator[Pod]:
    """Yield the Pods without a node that compete with the Pods of this runtime."""
    for pod in ctx.pods.without_node:
        other = _runtime_of(ctx, pod)
        if other is None or other.competes_with(runtime):
            yield pod


def _runtime_of(ctx: Context, pod: Pod) -> Runtime | None:
    return ctx.runtimes.named(pod.runtime)
