"""What events missed and crashes left: expired records, orphaned Pods, executions unseen."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from cloche_api.phases import TERMINAL, Phase
from cloche_api.rest import ApiError, NotFoundError, UnavailableError
from cloche_operator.execution import from_object, now, timestamp

if TYPE_CHECKING:
    from cloche_operator.capacity import Capacity
    from cloche_operator.context import Context
    from cloche_operator.dispatcher import Dispatcher

log = logging.getLogger(__name__)


class Sweeper:
    """Looks again at everything, every so many seconds."""

    def __init__(self, ctx: Context, dispatcher: Dispatcher, capacity: Capacity) -> None:
        self._ctx = ctx
        self._dispatcher = dispatcher
        self._capacity = capacity

    async def sweep_for_ever(self) -> None:
        """Sweep, wait, sweep again. A sweep that fails is told, and the next one tried."""
        while True:
            await asyncio.sleep(self._ctx.settings.sweep_seconds)
            try:
                await self.sweep()
            except (ApiError, UnavailableError) as error:
                log.warning("sweep cut short: %s", error)
            except Exception:
                log.exception("sweep failed")

    async def sweep(self) -> None:
        """One sweep."""
        await self._capacity.refresh(self._ctx.kube)
        await self._take_up_unseen()
        await self._remove_orphans()
        await self._remove_expired()

    async def _take_up_unseen(self) -> None:
        """An event whose handling failed is never sent again."""
        for phase in (Phase.PENDING, Phase.RUNNING):
            async for name, uid, _ in self._ctx.kube.executions_in(phase):
                if self._dispatcher.working_on(uid):
                    continue
                try:
                    self._dispatcher.observe(await self._ctx.kube.get_execution(name))
                except NotFoundError:
                    continue

    async def _remove_orphans(self) -> None:
        """A Pod whose execution has ended is left over from a crash."""
        known = list(self._ctx.pods)
        pods = await self._ctx.kube.list_pods()
        there = {pod["metadata"]["uid"] for pod in pods}
        for pod in known:
            if pod["metadata"]["uid"] not in there:
                self._ctx.pods.seen(pod, deleted=True)  # its deletion was missed
        for pod in pods:
            owner = _execution_of(pod)
            if owner is None or self._dispatcher.working_on(owner[1]):
                continue
            try:
                obj = await self._ctx.kube.get_execution(owner[0])
            except NotFoundError:
                continue  # the garbage collector has it
            if obj["metadata"]["uid"] == owner[1] and from_object(obj).ended:
                log.info("removing left-over Pod %s", pod["metadata"]["name"])
                await self._ctx.kube.delete_pod(pod["metadata"]["name"], pod["metadata"]["uid"])

    async def _remove_expired(self) -> None:
        """Records past their ttlSecondsAfterFinished."""
        time = timestamp(now())
        for phase in sorted(TERMINAL):
            async for name, uid, expires in self._ctx.kube.executions_in(phase):
                if expires and expires < time:
                    await self._ctx.kube.delete_execution(name, uid)


def _execution_of(pod: dict[str, Any]) -> tuple[str, str] | None:
    """Name and uid of the execution that owns the Pod."""
    for owner in pod["metadata"].get("ownerReferences", []):
        if owner["kind"] == "SandboxExecution":
            return owner["name"], owner["uid"]
    return None
