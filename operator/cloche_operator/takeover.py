"""What a new leader does first: it sees what is there, and removes what nobody will use."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cloche_api import meta
from cloche_operator.persist import persist

if TYPE_CHECKING:
    from cloche_operator.context import Context

log = logging.getLogger(__name__)


async def look_around(ctx: Context) -> list[tuple[str, str]]:
    """Read runtimes, Pods and nodes; names and uids of the Pods that no execution needs.

    They are the Pods of the operator before that waited or kept a session: their input closed
    with its connections.
    Pods that an unfinished execution names are kept: their logs have its result.
    """
    await persist(ctx.runtimes.refresh)
    needed = {pod for _, _, pod in await persist(ctx.kube.unfinished)}
    spent = []
    for pod in await persist(ctx.kube.list_pods):
        ctx.pods.seen(pod)
        of = pod["metadata"]
        ours = any(o["apiVersion"] == meta.API_VERSION for o in of.get("ownerReferences", []))
        if ours and of["name"] not in needed and "deletionTimestamp" not in of:
            spent.append((of["name"], of["uid"]))
    await persist(lambda: ctx.capacity.refresh(ctx.kube, ctx.runtimes))
    return spent


async def remove(ctx: Context, spent: list[tuple[str, str]]) -> None:
    """Delete these Pods, one after the other: executions go first."""
    if spent:
        log.info("removing %d Pods of the operator before", len(spent))
    for name, uid in spent:
        await persist(lambda name=name, uid=uid: ctx.kube.delete_pod(name, uid))  # type: ignore[misc]  # bound now
