"""Routes that execute one program, synchronously or asynchronously."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from cloche_gateway.errors import InvalidRequestError
from cloche_gateway.http.access import charged_caller, context_of
from cloche_gateway.http.body import parsed
from cloche_gateway.http.disconnect import disconnect
from cloche_gateway.http.json_response import JsonResponse
from cloche_gateway.http.route import Route
from cloche_gateway.models import ExecuteRequest, ExecuteResponse, StatusResponse
from cloche_gateway.requests import idempotency, parsing
from cloche_gateway.routes import openapi
from cloche_gateway.routes.status import status
from cloche_gateway.services import executing, starting, submitting
from cloche_gateway.services.submitting import Origin

if TYPE_CHECKING:
    from cloche_api.accounting.budget import Charge
    from cloche_gateway.services.submitting import Plan

router = APIRouter(route_class=Route, prefix="/api/v1/execute", tags=["execute"])


@router.post(
    "",
    response_model=ExecuteResponse,
    responses=openapi.problems(400, 401, 403, 404, 409, 410, 413, 429, 500, 503),
    openapi_extra=openapi.takes(ExecuteRequest, openapi.IDEMPOTENCY_KEY),
    summary="Execute code and wait for the result",
)
async def execute(request: Request) -> Response:
    """Run one program in a Pod of its own and answer when it has ended.

    A program that ends by itself is a 200, whatever its exit code. When the client goes away, the
    program is stopped, unless the request has an Idempotency-Key.
    """
    context, origin = context_of(request), await _origin(request)
    with context.budget.charged(origin.caller.tenant) as held:
        planned = await _planned(request, origin, held)
        async with disconnect(request) as gone:
            answer = await executing.execute(context, planned, gone)
    headers = {} if answer.retry_after is None else {"Retry-After": str(answer.retry_after)}
    return JsonResponse(answer.body, answer.status, headers)


@router.post(
    "/async",
    status_code=202,
    response_model=StatusResponse,
    responses=openapi.problems(400, 401, 403, 404, 409, 410, 413, 429, 500, 503),
    openapi_extra=openapi.takes(ExecuteRequest, openapi.IDEMPOTENCY_KEY),
    summary="Execute code without waiting",
)
async def start(request: Request) -> Response:
    """Start one program and answer as soon as the cluster has accepted it."""
    context, origin = context_of(request), await _origin(request)
    with context.budget.charged(origin.caller.tenant) as held:
        planned = await _planned(request, origin, held)
        if planned.removed_once_answered:
            raise InvalidRequestError(
                "ttl_seconds", "must be at least 1 here, where nobody waits for the result"
            )
        state = await starting.start(context, origin.caller, planned)
    location = f"{router.prefix}/status/{state['execution_id']}"
    return JsonResponse(state, 202, {"Location": location})


router.add_api_route(
    "/status/{execution_id}",
    status,
    methods=["GET"],
    response_model=StatusResponse,
    responses=openapi.problems(400, 401, 403, 404, 429, 503),
    openapi_extra=openapi.takes(None, openapi.WAIT),
    summary="How far an execution has come",
)


async def _planned(request: Request, origin: Origin, held: Charge) -> Plan:
    """Return the execution that the request's body asks for.

    The body and the parsed request are not kept in memory while the program runs.
    """
    asked = await parsed(request, held, parsing.execute_request)
    return await submitting.plan(context_of(request), origin, asked, held)


async def _origin(request: Request) -> Origin:
    who = await charged_caller(request)
    key = idempotency.key_of(request.headers.getlist("idempotency-key"))
    return Origin(who, request.scope["cloche.request_id"], key)
