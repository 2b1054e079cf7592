"""A Pod in the hands of its holder, an execution or a session: how it gets and releases it."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from cloche_api import meta
from cloche_kube.errors import ApiError
from cloche_kube.retry import retry_until_available
from cloche_operator.model.pod_manifest import claim_patch, execution_owner
from cloche_operator.model.status import EndedError
from cloche_operator.pools.throttle import Need
from cloche_operator.protocol.frame import Afterwards

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.metadata import OwnerReference
    from cloche_operator.context import Context
    from cloche_operator.model.execution import Execution
    from cloche_operator.model.pod import Pod
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.pools.manager import Pools
    from cloche_operator.pools.pool import Pool
    from cloche_operator.state.cache import Runtime

_MARK_SECONDS = 0.1
"""Seconds before a claimed Pod of a pool is labelled. A program that ends sooner causes no write,
because its Pod is deleted at once. The write would load the API server, the kubelet and the
scheduler while the program runs."""
_REUSE_SECONDS = 2 * 3600.0  # lifetime of a reused Pod, as a backstop
_ANSWER_SECONDS = 0.03
"""Seconds from the record to the Pod's deletion, which would delay the gateway's answer."""
_LOOK_SECONDS = 0.1  # between two checks whether a removal would disturb a program
_LOOKS = 9  # about a second, because a used Pod takes room and memory

log = logging.getLogger(__name__)


class PodLease(ABC):
    """A Pod that one execution holds. `release` must follow."""

    warm = False
    """Whether the Pod was waiting when it was taken."""
    pod: Pod | None = None
    """The Pod, or None before there is one."""

    @property
    @abstractmethod
    def afterwards(self) -> Afterwards:
        """What the supervisor does after the program, from what is known now."""

    @abstractmethod
    async def start(self, claim: Callable[[Pod], Awaitable[None]]) -> Sandbox:
        """Return the Pod, attached and claimed.

        Raises:
            EndedError: the Pod cannot be claimed, or cannot start.
            NeverStartedError: the connection was lost, or the node failed; nothing was sent.
            ClaimLostError: another operator has claimed the execution.
        """

    def sending(  # noqa: B027  only a Pod of a pool has something to do
        self, execution: Execution, seconds: float, afterwards: Afterwards
    ) -> None:
        """Prepare for the input, which is sent next. `seconds`: how long the program may take."""

    def lost(self) -> EndedError | None:
        """Return why the execution ends if its Pod was lost, or None to use the Pod's own end."""
        return None

    @abstractmethod
    async def release(self, *, exited: bool, sent: bool) -> None:
        """Release the Pod.

        `exited`: the program's end was received over the attach. `sent`: the input may have been
        sent.
        """


class PooledPod(PodLease):
    """A Pod of a pool. It returns to the pool if it may be reused, and else it is deleted."""

    def __init__(self, ctx: Context, pools: Pools, sandbox: Sandbox, *, warm: bool) -> None:
        self._ctx = ctx
        self._pools = pools
        self._marking: asyncio.Task[None] | None = None
        self.sandbox = sandbox
        self.pod = sandbox.pod
        self.warm = warm

    @property
    def afterwards(self) -> Afterwards:
        """It cleans up if it returns to its pool."""
        return Afterwards.RESET if self._pool() is not None else Afterwards.EXIT

    async def start(self, claim: Callable[[Pod], Awaitable[None]]) -> Sandbox:
        """Claim the Pod, which is attached already."""
        await claim(self.sandbox.pod)
        return self.sandbox

    def sending(self, execution: Execution, seconds: float, afterwards: Afterwards) -> None:
        """Label the Pod soon, unless its program ends before."""
        if not self.sandbox.marked:
            returns = afterwards is Afterwards.RESET
            labelling = self._mark_for(execution, seconds, returns=returns)
            self._marking = asyncio.create_task(labelling)

    async def mark(self, labels: dict[str, str], life: float, owner: OwnerReference | None) -> None:
        """Label the Pod as claimed, and set its lifetime and owner, unless that was done before.

        If another operator owns the Pod, this closes the connection to it. `labels`: those that
        distinguish this write from another operator's.
        """
        if self.sandbox.marked:
            return
        self.sandbox.set_marked()
        ctx, sandbox = self._ctx, self.sandbox
        patch = claim_patch(sandbox.pod, ctx.now(), life, labels, owner)
        try:
            await retry_until_available(lambda: ctx.kube.patch_pod(sandbox.name, patch))
        except ApiError as error:
            pod = await retry_until_available(lambda: ctx.kube.get_pod(sandbox.name))
            if pod is not None and pod.uid == sandbox.uid and labels.items() <= pod.labels.items():
                return  # the write succeeded, but its answer was lost
            log.warning("Pod %s is not used: %s", sandbox.name, error)
            await sandbox.close()

    async def release(self, *, exited: bool, sent: bool) -> None:  # noqa: ARG002  see PodLease
        """Return the Pod to its pool, or delete it."""
        if self._marking is not None:
            await self._marked_or_not(self._marking)
        pool = self._pool()
        if not exited or pool is None:
            await remove_in_a_pause(self._pools, self.sandbox, exited=exited)
            return
        try:
            if pool.comes_back(self.sandbox) and await self.sandbox.is_ready():
                await self.sandbox.prestart(pool.prestart_frame)
                pool.put(self.sandbox)
                return
        except EndedError as error:
            log.warning("Pod %s is not used again: %s", self.sandbox.name, error)
        await self._pools.removed(self.sandbox)

    async def remove(self) -> None:
        """Delete the Pod at once."""
        await self._pools.removed(self.sandbox)

    def _pool(self) -> Pool | None:
        """Return the pool that the Pod returns to, or None if it is used once."""
        pool = self._pools.of(self.sandbox.shape.runtime_name)
        return pool if pool is not None and self.sandbox in pool.lent else None

    async def _mark_for(self, execution: Execution, seconds: float, *, returns: bool) -> None:
        """Label the Pod with its new user. A Pod that returns stays the runtime's."""
        await asyncio.sleep(_MARK_SECONDS)
        if returns:
            await self.mark({meta.LABEL_TENANT: execution.tenant}, _REUSE_SECONDS, None)
        else:
            labels = {meta.LABEL_EXECUTION: execution.uid}
            await self.mark(labels, seconds, execution_owner(execution))

    async def _marked_or_not(self, marking: asyncio.Task[None]) -> None:
        """Wait for the label, or cancel it if it has not begun and the Pod is deleted now."""
        if not self.sandbox.marked and self._pool() is None:
            marking.cancel()
        await asyncio.wait({marking})


async def from_pool(  # noqa: PLR0913  what a Pod is chosen by
    ctx: Context,
    pools: Pools,
    runtime: Runtime,
    used: UsedResources,
    tenant: str,
    *,
    named: str | None = None,
) -> PooledPod | None:
    """Return a Pod of the runtime's pool, or None if the holder must start its own.

    If a Pod will be free soon, this waits for it. `named`: see `Pools.take`.
    """
    sandbox, warm = await pools.take(runtime, used, tenant, named)
    return None if sandbox is None else PooledPod(ctx, pools, sandbox, warm=warm)


async def remove_in_a_pause(pools: Pools, used: Sandbox, *, exited: bool) -> None:
    """Remove a used Pod when that disturbs no program, after a second at most.

    A removal takes a good part of the time of a start, and is not urgent while the pool has enough
    Pods. `exited`: its program has ended, so its container ends with its input.
    """
    await asyncio.sleep(_ANSWER_SECONDS)
    pool = pools.of(used.shape.runtime_name)
    for _ in range(_LOOKS):
        starting = any(p.starting for p in pools)
        if pool is None or pool.need >= Need.SHORT or (pools.quiet and not starting):
            break
        await asyncio.sleep(_LOOK_SECONDS)
    if exited:
        pools.retire(used)
    else:
        await pools.removed(used)
