"""Start a program without waiting for its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_gateway.results import response
from cloche_gateway.services import creating, lookup, submitting

if TYPE_CHECKING:
    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.context import Context
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
            stored.uid, lambda ended: context.metrics.ended(ended, response.status_word(ended))
        )
        return response.state({"metadata": stored.metadata}, None)
    return await lookup.status(context, caller, planned.name, fresh=True)
