"""The Pod of a session: a new one, or one of the pool that becomes the session's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_api import meta
from cloche_api.resources.phases import Reason
from cloche_operator.model.pod_manifest import claim_patch, session_owner, session_pod
from cloche_operator.model.status import EndedError, NeverStartedError
from cloche_operator.pods.claim import mark
from cloche_operator.pods.start import create_whatever_happens
from cloche_operator.pools import placement

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_api.resources.amounts import UsedResources
    from cloche_operator.model.pod import Pod
    from cloche_operator.model.session import SessionObject
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.pools.manager import Pools
    from cloche_operator.state.cache import Runtime
    from cloche_operator.state.context import Context

CONNECTION_LOST = "The connection to the Pod was lost."


async def start(  # noqa: PLR0913, PLR0917  what a Pod is made of, and who learns of it
    ctx: Context,
    pools: Pools,
    session: SessionObject,
    runtime: Runtime,
    used: UsedResources,
    made: Callable[[Pod], None],
) -> Sandbox:
    """Start a Pod for the session. `made` is called with it once it is created.

    Raises:
        EndedError: it cannot be created, or did not start.
    """
    shape, of, life = (
        runtime.shape(used),
        (session.name, session.uid),
        session.spec.lifetime_seconds,
    )
    await placement.for_program(ctx, runtime)
    async with pools.starts.one(session.tenant):
        pod = await create_whatever_happens(
            ctx, lambda user: session_pod(shape, user, of, life, ctx.settings), made
        )
        try:
            sandbox = await pools.opened(pod, shape)
        except NeverStartedError as error:
            raise EndedError(Reason.POD_FAILED, CONNECTION_LOST) from error
        except EndedError as problem:
            pools.tried(runtime, shape, problem)
            raise
    pools.tried(runtime, shape, None)
    return sandbox


async def assign(ctx: Context, sandbox: Sandbox, session: SessionObject) -> None:
    """Label a Pod of the pool as the session's. It never returns to the pool."""
    labels = {meta.LABEL_SESSION: session.uid}
    owner = session_owner(session.name, session.uid)
    sandbox.unmarked = False
    life = session.spec.lifetime_seconds
    await mark(ctx, sandbox, labels, claim_patch(sandbox.pod, ctx.now(), life, labels, owner))
