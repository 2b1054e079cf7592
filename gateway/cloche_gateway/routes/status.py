"""The status of an execution, which is served under two paths."""

from __future__ import annotations

from fastapi import Request, Response  # noqa: TC002  FastAPI reads the annotations

from cloche_gateway.routes.access import context_of, reading_caller
from cloche_gateway.routes.gone import disconnect
from cloche_gateway.routes.json import JsonResponse
from cloche_gateway.services import looking_up, queries


async def status(request: Request, execution_id: str) -> Response:
    """Tell an execution's state and, once it has ended, its result."""
    context, who = context_of(request), await reading_caller(request)
    seconds = queries.wait_seconds(request.query_params.get("wait"))
    if not seconds:
        return JsonResponse(await looking_up.status(context, who, execution_id))
    async with disconnect(request) as gone:
        found = await looking_up.status_at_end(context, who, execution_id, seconds, gone)
    return JsonResponse(found)
