"""The waiting Pod that an execution names since its creation (`spec.waitingPod`).

It counts as claimed. The operator that sees the creation sends the input to this Pod at once, or
claims another one, or refuses it. Only the first of these needs no write before the input.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cloche_kube.errors import ApiError
from cloche_operator.executions.delayed_write import DelayedWrite
from cloche_operator.executions.status_writes import refuse
from cloche_operator.model.status import resources_of

if TYPE_CHECKING:
    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.typed_dicts import ExecutionStatusDict
    from cloche_operator.context import Context
    from cloche_operator.model.execution import Execution
    from cloche_operator.model.pod import Pod
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.pools.manager import Pools
    from cloche_operator.sessions.turns import Turn
    from cloche_operator.state.cache import Runtime

_REFUSAL_SECONDS = 1.0
"""Seconds of waiting before the refusal of the named Pod is written. Most executions are claimed
before, which has the same effect and takes no further write."""

log = logging.getLogger(__name__)


class NamedPod:
    """The Pod that one execution names.

    `new`: this operator sees the execution for the first time, and no other can have sent its
    input.
    """

    def __init__(self, ctx: Context, pools: Pools, *, new: bool) -> None:
        self._ctx = ctx
        self._pools = pools
        self._new = new
        self._waited = False
        self._refusal: DelayedWrite | None = None

    def take(
        self, execution: Execution, runtime: Runtime, used: UsedResources, turn: Turn | None
    ) -> Sandbox | None:
        """Return the named Pod if it gets the input at once, without another claim.

        It does not after a wait, with a source, or if the execution would get another Pod: that of
        its turn in a session, or the one that `Pools.take` prefers. If it would have to wait for
        such a Pod, the named one is refused.
        """
        of, uid = execution, execution.pod_uid
        is_plain = of.spec.source is None and not self._waited
        is_new, self._new = self._new, False
        if is_new and is_plain and of.offered and uid is not None and self._ctx.lease.holds:
            if turn is not None:
                sandbox = turn.sandbox if turn.sandbox.uid == uid else None
            else:
                sandbox = self._pools.take_named(runtime, used, of.tenant, uid)
            if sandbox is not None:
                return sandbox
        if turn is None and not self._pools.has_waiting(runtime, used, of.tenant):
            self.refuse(of)
        return None

    def refuse(self, execution: Execution) -> None:
        """Record soon that the Pod is refused, because the execution has to wait."""
        self._waited = True
        if execution.offered and self._refusal is None:
            self._refusal = DelayedWrite(_REFUSAL_SECONDS, lambda: refuse(self._ctx, execution))

    async def settled(self, execution: Execution) -> Execution:
        """Return the execution, once its refusal is written, or will never be.

        Call this before another write to the execution.
        """
        if self._refusal is None:
            return execution
        refused = await self._refusal.settled()
        self._refusal = None
        if refused is None:
            return execution
        if not refused.offered:
            self._ctx.uses.end(refused.uid)
        return refused

    def close(self) -> None:
        """Give up a refusal that is not written yet."""
        if self._refusal is not None:
            self._refusal.cancel()


def presumed_claim(pod: Pod, used: UsedResources | None) -> ExecutionStatusDict:
    """Return the claim of an execution that another operator has sent to the Pod that it names."""
    claim: ExecutionStatusDict = {"podName": pod.name, "podUID": pod.uid, "warm": True}
    if used is not None:
        claim["resources"] = resources_of(used)
    return claim


async def delete_after_use(ctx: Context, pod: Pod) -> None:
    """Delete a Pod, once no other execution needs its log."""
    await ctx.uses.ended(pod.name)
    try:
        await ctx.kube.ensure_pod_deleted(pod.name, pod.uid)
    except ApiError as error:  # the sweep tries again
        log.info("Pod %s is not deleted: %s", pod.name, error)
