"""Start one program without waiting for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_gateway.services import creating, looking_up, results, submitting

if TYPE_CHECKING:
    from cloche_gateway.context import Context
    from cloche_gateway.keys import Caller
    from cloche_gateway.services.submitting import Plan


async def start(context: Context, caller: Caller, planned: Plan) -> dict[str, Any]:
    """Create the execution; what `models.StatusResponse` shows of it.

    A request that is repeated with its Idempotency-Key learns how far its execution has come.

    Raises:
        GatewayError: with the words for the caller.
    """
    try:
        stored = await submitting.submit(context, planned)
    except creating.UnsureError:
        if not planned.keyed:  # nobody else would ever learn of it
            context.canceller.cancel(planned.name, unsure=True)
        raise
    if stored.fresh:
        context.waiters.heed(
            stored.uid, lambda ended: context.metrics.ended(ended, results.status_word(ended))
        )
        return results.state({"metadata": stored.metadata}, None)
    return await looking_up.status(context, caller, planned.name, fresh=True)
