"""The Pod of a session: a new one, or one of the pool that becomes the session's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_api import limits, meta
from cloche_api.resources.phases import Reason
from cloche_operator.model.pod_manifest import session_owner, session_pod
from cloche_operator.model.status import EndedError, NeverStartedError
from cloche_operator.pools.own_pod import OwnPod

if TYPE_CHECKING:
    from cloche_api.resources.amounts import UsedResources
    from cloche_operator.context import Context
    from cloche_operator.model.session import SessionObject
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.pools.manager import Pools
    from cloche_operator.pools.pod_lease import PooledPod
    from cloche_operator.state.cache import Runtime

CONNECTION_LOST = "The connection to the Pod was lost."
_LIFE_SECONDS = limits.SESSION_SECONDS_MAX
"""The life of a session's Pod without an operator. The session's own lifetime can be extended, but
the deadline of a Pod cannot."""


def own_pod(
    ctx: Context, pools: Pools, session: SessionObject, runtime: Runtime, used: UsedResources
) -> OwnPod:
    """Return the Pod to start for the session, if the pool has none."""
    shape, of = runtime.shape(used), (session.name, session.uid)
    return OwnPod(
        ctx,
        pools,
        runtime=runtime,
        used=used,
        tenant=session.tenant,
        build=lambda user: session_pod(shape, user, of, _LIFE_SECONDS, ctx.settings),
        is_replaced=False,
    )


async def started(pod: OwnPod) -> Sandbox:
    """Start the Pod.

    Raises:
        EndedError: it cannot be created, or did not start.
    """
    try:
        return await pod.start()
    except NeverStartedError as error:
        raise EndedError(Reason.POD_FAILED, CONNECTION_LOST) from error


async def assign(pod: OwnPod | PooledPod, session: SessionObject) -> None:
    """Label a Pod of the pool as the session's. It never returns to the pool."""
    owner = session_owner(session.name, session.uid)
    await pod.mark({meta.LABEL_SESSION: session.uid}, _LIFE_SECONDS, owner)
