"""The first steps of a new leader: it reads the cluster's state and removes unusable Pods."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cloche_api import meta
from cloche_kube.retry import retry_until_available

if TYPE_CHECKING:
    from cloche_operator.state.context import Context

log = logging.getLogger(__name__)


async def adopt_cluster_state(ctx: Context) -> list[tuple[str, str]]:
    """Read runtimes, Pods and nodes. Return names and uids of the Pods that no execution needs.

    These are the previous operator's waiting Pods and the Pods of its sessions. Their input was
    closed with its connections. Pods that an unfinished execution names are kept, because their
    logs contain its result.
    """
    await retry_until_available(ctx.runtimes.refresh)
    needed = {pod for _, _, pod in await retry_until_available(ctx.kube.unfinished)}
    spent = []
    for pod in await retry_until_available(ctx.kube.list_pods):
        ctx.pods.seen(pod)
        of = pod["metadata"]
        ours = any(o["apiVersion"] == meta.API_VERSION for o in of.get("ownerReferences", []))
        if ours and of["name"] not in needed and "deletionTimestamp" not in of:
            spent.append((of["name"], of["uid"]))
    await retry_until_available(lambda: ctx.capacity.refresh(ctx.kube, ctx.runtimes))
    return spent


async def remove(ctx: Context, spent: list[tuple[str, str]]) -> None:
    """Delete these Pods one after the other, because executions have precedence."""
    if spent:
        log.info("removing %d Pods of the previous operator", len(spent))
    for name, uid in spent:
        await ctx.kube.ensure_pod_deleted(name, uid)
