"""The status of an execution, which is served under two paths."""

from __future__ import annotations

from fastapi import Request, Response  # noqa: TC002  FastAPI reads the annotations

from cloche_gateway.http.access import context_of, reading_caller
from cloche_gateway.http.disconnect import disconnect
from cloche_gateway.http.json_response import JsonResponse
from cloche_gateway.requests import queries
from cloche_gateway.services import lookup


async def status(request: Request, execution_id: str) -> Response:
    """Tell an execution's state and, once it has ended, its result."""
    context, who = context_of(request), await reading_caller(request)
    seconds = queries.wait_seconds(request.query_params.get("wait"))
    if not seconds:
        return JsonResponse(await lookup.status(context, who, execution_id))
    async with disconnect(request) as gone:
        found = await lookup.status_at_end(context, who, execution_id, seconds, gone)
    return JsonResponse(found)
