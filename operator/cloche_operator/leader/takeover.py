"""The first steps of a new leader: it reads the cluster's state and removes unusable Pods."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_api import meta
from cloche_kube.retry import retry_until_available

if TYPE_CHECKING:
    from cloche_operator.context import Context

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Adopted:
    """What a new leader finds."""

    executions: frozenset[str]
    """The uids of the unfinished executions. A previous operator may have sent their input."""
    spent: list[tuple[str, str]]
    """Names and uids of the Pods that no execution needs."""


async def adopt_cluster_state(ctx: Context) -> Adopted:
    """Read executions, runtimes, Pods and nodes, and return what the previous operator has left.

    The Pods that no execution needs are the previous operator's waiting Pods and the Pods of its
    sessions. Their input was closed with its connections. Pods that an unfinished execution names
    are kept, because their logs contain its result.
    """
    await retry_until_available(ctx.runtimes.refresh)
    unfinished = await retry_until_available(ctx.kube.unfinished)
    needed = {pod for _, _, pod in unfinished}
    for _, uid, name in unfinished:
        if name:
            ctx.uses.begin(name, uid)
    spent = []
    for pod in await retry_until_available(ctx.kube.list_pods):
        ctx.pods.seen(pod)
        ours = any(owner["apiVersion"] == meta.API_VERSION for owner in pod.owners)
        if ours and pod.name not in needed and not pod.being_deleted:
            spent.append((pod.name, pod.uid))
    await retry_until_available(lambda: ctx.capacity.refresh(ctx.kube, ctx.runtimes))
    return Adopted(frozenset(uid for _, uid, _ in unfinished), spent)


async def remove(ctx: Context, spent: list[tuple[str, str]]) -> None:
    """Delete these Pods one after the other, because executions have precedence."""
    if spent:
        log.info("removing %d Pods of the previous operator", len(spent))
    for name, uid in spent:
        await ctx.kube.ensure_pod_deleted(name, uid)
