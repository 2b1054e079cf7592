"""Several programs in one request."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cloche_gateway.errors import BATCH_ITEMS_MAX, BatchTooLargeError, GatewayError
from cloche_gateway.models import BatchItem, ExecuteRequest
from cloche_gateway.routes import openapi
from cloche_gateway.routes.access import caller, charge, context_of
from cloche_gateway.routes.body import json_body
from cloche_gateway.routes.gone import disconnect
from cloche_gateway.routes.json import JsonResponse
from cloche_gateway.services import batch, parsing
from cloche_gateway.services.submitting import Origin

router = APIRouter(prefix="/api/v1/execute", tags=["execute"])


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
    try:
        body = await json_body(request, context.settings.body_timeout_seconds)
        items = parsing.batch(body)
    except GatewayError:
        await charge(request, who)
        raise
    await charge(request, who, len(items))
    origin = Origin(who, request.scope["cloche.request_id"])
    async with disconnect(request) as gone:
        return JsonResponse(await batch.execute(context, origin, items, gone))
