"""Room on the nodes: who may make a Pod while the scheduler finds no node for another.

The scheduler takes a Pod that is new before one that it has put off. Where more and more are made,
the first are overtaken until their time to start is over. So nothing new is made for nodes that are
full, and Pods that wait for programs give their room to one that a program needs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cloche_api import meta
from cloche_api.phases import Reason
from cloche_operator.outcome import EndedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cloche_operator.context import Context
    from cloche_operator.observed import Runtime
    from cloche_operator.pool import Pool
    from cloche_operator.sandbox import Sandbox

_LOOK_SECONDS = 1.0  # for what the watch has missed


def is_for_pool(ctx: Context, runtime: Runtime) -> bool:
    """Whether a Pod of that runtime that nobody needs yet may be made."""
    return next(_competitors(ctx, runtime), None) is None


async def for_program(ctx: Context, runtime: Runtime) -> None:
    """Return when no other program's Pod waits for the nodes that this runtime's would get.

    Raises:
        EndedError: Unschedulable, when one did all the time that a Pod has to start.
    """
    seconds = ctx.settings.start_timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            while pod := next(filter(_is_needed, _competitors(ctx, runtime)), None):
                await ctx.pods.changed(pod["metadata"]["name"], _LOOK_SECONDS)
    except TimeoutError:
        message = f"The nodes were full, and others waited for them, for {seconds:g} s."
        raise EndedError(Reason.UNSCHEDULABLE, message) from None


def given_up_for(ctx: Context, pod: dict[str, Any], pools: Iterable[Pool]) -> Sandbox | None:
    """Take out the waiting Pod that gives its place to this one, which no node takes.

    It is the newest of the pool that has most; None when nobody needs the place, or none has it.
    """
    runtime = _runtime_of(ctx, pod)
    if runtime is None or not _is_needed(pod):
        return None
    rivals = [pool for pool in pools if pool.waiting and pool.runtime.competes_with(runtime)]
    return max(rivals, key=lambda pool: len(pool.waiting)).waiting.pop() if rivals else None


def _is_needed(pod: dict[str, Any]) -> bool:
    """Whether a program waits for the Pod, which is of no pool."""
    labels: dict[str, str] = pod["metadata"].get("labels", {})
    return labels.get(meta.LABEL_STATE) != meta.STATE_WAITING


def _competitors(ctx: Context, runtime: Runtime) -> Iterator[dict[str, Any]]:
    """The Pods without a node that would compete with this runtime's."""
    for pod in ctx.pods.without_node:
        other = _runtime_of(ctx, pod)
        if other is None or other.competes_with(runtime):
            yield pod


def _runtime_of(ctx: Context, pod: dict[str, Any]) -> Runtime | None:
    return ctx.runtimes.named(pod["metadata"]["labels"].get(meta.LABEL_RUNTIME, ""))
