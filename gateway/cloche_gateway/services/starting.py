"""Start a program without waiting for its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_gateway.services import creating, looking_up, results, submitting

if TYPE_CHECKING:
    from cloche_gateway.context import Context
    from cloche_gateway.keys import Caller
    from cloche_gateway.services.submitting import Plan


async def start(context: Context, caller: Caller, planned: Plan) -> dict[str, Any]:
    """Create the execution and return its `models.StatusResponse`.

    If a request with the same Idempotency-Key already created the execution, return its current
    status.

    Raises:
        GatewayError: its message is the response's `detail`.
    """
    try:
        stored = await submitting.submit(context, planned)
    except creating.UnsureError:
        if not planned.keyed:  # Without a key the client cannot find the execution.
            context.canceller.cancel(planned.name, unsure=True)
        raise
    if stored.fresh:
        context.waiters.heed(
            stored.uid, lambda ended: context.metrics.ended(ended, results.status_word(ended))
        )
        return results.state({"metadata": stored.metadata}, None)
    return await looking_up.status(context, caller, planned.name, fresh=True)
