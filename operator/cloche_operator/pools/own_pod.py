"""A Pod that is started for its holder, an execution or a session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloche_api.resources.phases import Reason
from cloche_operator.model.status import EndedError, NeverStartedError
from cloche_operator.pods.start import create_whatever_happens
from cloche_operator.pools import placement
from cloche_operator.pools.pod_lease import PodLease, remove_in_a_pause
from cloche_operator.protocol.frame import Afterwards

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.metadata import OwnerReference
    from cloche_operator.context import Context
    from cloche_operator.model.pod import Pod
    from cloche_operator.model.pod_types import PodManifest
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.pools.manager import Pools
    from cloche_operator.state.cache import Runtime

_TRANSIENT_NODE_REASONS = frozenset(
    {Reason.CONTAINER_START_FAILED, Reason.POD_FAILED, Reason.PROTOCOL_ERROR}
)
"""Once a Pod of the runtime has run, these are transient failures of a node or its containerd."""


class OwnPod(PodLease):
    """A Pod that is created for one execution or session, and deleted after it."""

    afterwards = Afterwards.EXIT

    def __init__(  # noqa: PLR0913  what a Pod is made of, by name
        self,
        ctx: Context,
        pools: Pools,
        *,
        runtime: Runtime,
        used: UsedResources,
        tenant: str,
        build: Callable[[int], PodManifest],
        is_replaced: bool,
    ) -> None:
        """Prepare the Pod.

        `build`: returns its manifest (see `pods.start.create_pod`). `is_replaced`: the holder
        starts another one after a failure of the node.
        """
        self._ctx = ctx
        self._pools = pools
        self._runtime = runtime
        self._shape = runtime.shape(used)
        self._tenant = tenant
        self._build = build
        self._is_replaced = is_replaced
        self._sandbox: Sandbox | None = None

    async def start(self, claim: Callable[[Pod], Awaitable[None]] | None = None) -> Sandbox:
        """Create the Pod, claim it while it starts, and attach to it."""
        await placement.for_program(self._ctx, self._runtime)
        async with self._pools.starts.one(self._tenant):
            pod = await create_whatever_happens(self._ctx, self._build, self._made)
            if claim is None:
                return await self._opened(pod)
            claiming = asyncio.ensure_future(claim(pod))
            opening = asyncio.ensure_future(self._opened(pod))
            try:
                sandbox, _ = await asyncio.gather(opening, claiming)
                return sandbox
            finally:
                claiming.cancel()
                opening.cancel()
                await asyncio.gather(claiming, opening, return_exceptions=True)

    async def mark(self, labels: dict[str, str], life: float, owner: OwnerReference | None) -> None:
        """Do nothing: its manifest has the labels, the lifetime and the owner."""

    async def release(self, *, exited: bool, sent: bool) -> None:  # noqa: ARG002  see PodLease
        """Delete the Pod, if it was created."""
        if self._sandbox is None:
            await self.remove()
        else:
            await remove_in_a_pause(self._pools, self._sandbox, exited=exited)

    async def remove(self) -> None:
        """Delete the Pod at once, if it was created."""
        if self._sandbox is not None:
            await self._pools.removed(self._sandbox)
        elif self.pod is not None:
            await self._ctx.kube.ensure_pod_deleted(self.pod.name, self.pod.uid)

    async def _opened(self, pod: Pod) -> Sandbox:
        """Attach and greet, and report to the pools whether Pods of this runtime can run."""
        pools, runtime, shape = self._pools, self._runtime, self._shape
        try:
            self._sandbox = await pools.opened(pod, shape)
        except EndedError as problem:
            transient = problem.reason in _TRANSIENT_NODE_REASONS and pools.proved(runtime)
            if transient and self._is_replaced:
                raise NeverStartedError from problem  # nothing was sent
            pools.tried(runtime, shape, problem)
            raise
        pools.started(runtime, shape, self._sandbox)
        return self._sandbox

    def _made(self, pod: Pod) -> None:
        self.pod = pod
