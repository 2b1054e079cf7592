"""Route that executes several programs in one request."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cloche_gateway.errors import BATCH_ITEMS_MAX, BatchTooLargeError, GatewayError
from cloche_gateway.http.access import caller, charge, context_of, refuse_idempotency_key
from cloche_gateway.http.body import parsed
from cloche_gateway.http.disconnect import disconnect
from cloche_gateway.http.json_response import JsonResponse
from cloche_gateway.http.route import Route
from cloche_gateway.models import BatchItem, ExecuteRequest
from cloche_gateway.requests import parsing
from cloche_gateway.routes import openapi
from cloche_gateway.services import batch
from cloche_gateway.services.submitting import Origin

router = APIRouter(route_class=Route, prefix="/api/v1/execute", tags=["execute"])


@router.post(
    "/batch",
    response_model=list[BatchItem],
    responses=openapi.problems(
        400, 401, 403, 413, 429, 503, details={400: str(BatchTooLargeError())}
    ),
    openapi_extra=openapi.takes_list(ExecuteRequest, BATCH_ITEMS_MAX),
    summary="Execute several programs and wait for all results",
)
async def execute(request: Request) -> Response:
    """Run up to ten programs side by side and answer, in their order, when all have ended.

    One that fails has exit_code -1 and an `error`, and does not touch the others. When the client
    goes away, all are stopped.
    """
    context, who = context_of(request), caller(request)
    with context.budget.charged(who.tenant) as held:
        try:
            refuse_idempotency_key(request)
            items = await parsed(request, held, parsing.batch)
        except GatewayError:
            await charge(request, who)
            raise
        await charge(request, who, len(items))
        origin = Origin(who, request.scope["cloche.request_id"])
        async with disconnect(request) as gone:
            return JsonResponse(await batch.execute(context, origin, items, held, gone))
