"""Periodic reconciliation: starts executions whose event was missed, deletes orphaned Pods."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import TYPE_CHECKING

from cloche_kube.errors import KubeError, NotFoundError
from cloche_operator.leader.collector import Retention

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_api.resources.metadata import ObjectMeta, OwnerReference
    from cloche_operator.context import Context
    from cloche_operator.executions.dispatcher import Dispatcher
    from cloche_operator.model.pod import Pod

_NODE_SECONDS = 2.0  # between checks for a node while none is ready

log = logging.getLogger(__name__)


class Sweeper:
    """Periodically reconciles executions and Pods, and runs the retention.

    `holds` returns whether the Pod with a uid is attached to this operator: in a pool, for a
    session, or in a run.
    """

    def __init__(self, ctx: Context, dispatcher: Dispatcher, holds: Callable[[str], bool]) -> None:
        self._ctx = ctx
        self._dispatcher = dispatcher
        self._holds = holds

    async def sweep_for_ever(self) -> None:
        """Sweep periodically. A failed sweep is logged, and the next one tries again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(Retention(self._ctx).keep_for_ever())
            while True:
                await asyncio.sleep(self._pause())
                try:
                    await self.sweep()
                except KubeError as error:
                    log.warning("sweep interrupted: %s", error)
                except Exception:
                    log.exception("sweep failed")

    def _pause(self) -> float:
        """Return the seconds until the next sweep: few while executions wait for a node."""
        seconds = self._ctx.settings.sweep_seconds
        return min(seconds, _NODE_SECONDS) if self._ctx.capacity.space.is_away else seconds

    async def sweep(self) -> None:
        """Sweep once. The three lists are short if nothing runs."""
        await self._ctx.capacity.refresh(self._ctx.kube, self._ctx.runtimes)
        known = list(self._ctx.pods)
        # The Pods are listed first: one that an execution names later is too young to be removed.
        pods = await self._ctx.kube.pods_metadata()
        unfinished = await self._ctx.kube.unfinished()
        self._forget(known, pods)
        self._end_uses({uid for _, uid, _ in unfinished})
        await self._take_up_unseen(unfinished)
        await self._remove_left_over(pods, unfinished)

    def _forget(self, known: list[Pod], pods: list[ObjectMeta]) -> None:
        """Remove the Pods from the cache whose deletion was missed."""
        there = {pod["uid"] for pod in pods}
        for pod in known:
            if pod.uid not in there:
                self._ctx.pods.seen(pod, deleted=True)

    def _end_uses(self, unfinished: set[str]) -> None:
        """End the uses of Pods by executions that no longer exist."""
        for uid in self._ctx.uses:
            if uid not in unfinished and not self._dispatcher.working_on(uid):
                self._ctx.uses.end(uid)

    async def _take_up_unseen(self, unfinished: list[tuple[str, str, str]]) -> None:
        """Start missed executions, because an event whose handling failed is never sent again."""
        for name, uid, _ in unfinished:
            if self._dispatcher.working_on(uid):
                continue
            try:
                self._dispatcher.observe(await self._ctx.kube.get_execution(name))
            except NotFoundError:
                continue

    async def _remove_left_over(
        self, pods: list[ObjectMeta], unfinished: list[tuple[str, str, str]]
    ) -> None:
        """Delete the Pods that a crash left."""
        unended = {uid for _, uid, _ in unfinished}
        named = {pod for _, _, pod in unfinished}
        for pod in pods:
            uid, owner = pod["uid"], _owner(pod)
            if "deletionTimestamp" in pod or owner["uid"] in unended or pod["name"] in named:
                continue
            if await self._is_left_over(pod, owner) and not self._in_use(uid, owner["uid"]):
                log.info("removing left-over Pod %s", pod["name"])
                await self._ctx.kube.delete_pod(pod["name"], uid)

    async def _is_left_over(self, pod: ObjectMeta, owner: OwnerReference) -> bool:
        """Return whether neither this operator nor the Pod's owner needs the Pod."""
        if self._in_use(pod["uid"], owner["uid"]):
            return False
        if owner["kind"] == "SandboxExecution":
            return await self._has_ended(owner)
        settings = self._ctx.settings
        age = self._ctx.now() - datetime.fromisoformat(pod["creationTimestamp"])
        if age.total_seconds() < settings.start_timeout_seconds + settings.left_over_seconds:
            return False
        if owner["kind"] == "SandboxSession":
            return owner["uid"] in {uid for _, uid, _ in await self._ctx.kube.ended_sessions()}
        return owner["kind"] == "SandboxRuntime"

    def _in_use(self, uid: str, owner: str) -> bool:
        """Return whether the Pod is attached, or its execution has a run."""
        return self._holds(uid) or self._dispatcher.working_on(owner)

    async def _has_ended(self, owner: OwnerReference) -> bool:
        """Return whether an execution has ended. The collector deletes the Pod of a missing one."""
        found = await self._ctx.kube.record(owner["name"])
        return found is not None and found[0] == owner["uid"]


def _owner(pod: ObjectMeta) -> OwnerReference:
    """Return the reference to the Pod's owner; an empty one if no resource of Cloche owns it."""
    for owner in pod.get("ownerReferences", []):
        if owner["kind"] in ("SandboxExecution", "SandboxSession", "SandboxRuntime"):
            return owner
    return {"apiVersion": "", "kind": "", "name": "", "uid": ""}
