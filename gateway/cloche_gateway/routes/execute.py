"""Run a program, or start one."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cloche_gateway.models import ExecuteRequest, ExecuteResponse, StatusResponse
from cloche_gateway.routes import openapi
from cloche_gateway.routes.access import charged_caller, context_of
from cloche_gateway.routes.body import json_body
from cloche_gateway.routes.gone import disconnect
from cloche_gateway.routes.json import JsonResponse
from cloche_gateway.routes.status import status
from cloche_gateway.services import executing, idempotency, parsing, starting
from cloche_gateway.services.submitting import Origin

router = APIRouter(prefix="/api/v1/execute", tags=["execute"])


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
    body = await json_body(request, context.settings.body_timeout_seconds)
    asked = parsing.execute_request(body)
    async with disconnect(request) as gone:
        answer = await executing.execute(context, origin, asked, gone)
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
    body = await json_body(request, context.settings.body_timeout_seconds)
    state = await starting.start(context, origin, parsing.execute_request(body))
    location = f"{router.prefix}/status/{state['execution_id']}"
    return JsonResponse(state, 202, {"Location": location})


router.add_api_route(
    "/status/{execution_id}",
    status,
    methods=["GET"],
    response_model=StatusResponse,
    responses=openapi.problems(400, 401, 403, 404, 503),
    openapi_extra=openapi.takes(None, openapi.WAIT),
    summary="How far an execution has come",
)


async def _origin(request: Request) -> Origin:
    who = await charged_caller(request)
    key = idempotency.key_of(request.headers.getlist("idempotency-key"))
    return Origin(who, request.scope["cloche.request_id"], key)
