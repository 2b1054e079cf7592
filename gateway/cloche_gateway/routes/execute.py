"""Run a program, start one, and ask how far one has come."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cloche_gateway.models import ExecuteRequest, ExecuteResponse, StatusResponse
from cloche_gateway.routes import openapi
from cloche_gateway.routes.access import caller, context_of
from cloche_gateway.routes.body import json_body
from cloche_gateway.routes.gone import disconnect
from cloche_gateway.routes.json import JsonResponse
from cloche_gateway.services import executing, idempotency, looking_up, parsing, starting
from cloche_gateway.services.submitting import Origin

router = APIRouter(prefix="/api/v1/execute", tags=["execute"])


@router.post(
    "",
    response_model=ExecuteResponse,
    responses=openapi.problems(400, 401, 403, 404, 409, 413, 500, 503),
    openapi_extra=openapi.takes(ExecuteRequest, openapi.IDEMPOTENCY_KEY),
    summary="Execute code and wait for the result",
)
async def execute(request: Request) -> Response:
    """Run one program in a Pod of its own and answer when it has ended.

    A program that ends by itself is a 200, whatever its exit code. When the client goes away, the
    program is stopped, unless the request has an Idempotency-Key.
    """
    context, origin = context_of(request), _origin(request)
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
    responses=openapi.problems(400, 401, 403, 404, 409, 413, 500, 503),
    openapi_extra=openapi.takes(ExecuteRequest, openapi.IDEMPOTENCY_KEY),
    summary="Execute code without waiting",
)
async def start(request: Request) -> Response:
    """Start one program and answer as soon as the cluster has accepted it."""
    context, origin = context_of(request), _origin(request)
    body = await json_body(request, context.settings.body_timeout_seconds)
    state = await starting.start(context, origin, parsing.execute_request(body))
    location = f"{router.prefix}/status/{state['execution_id']}"
    return JsonResponse(state, 202, {"Location": location})


@router.get(
    "/status/{execution_id}",
    response_model=StatusResponse,
    responses=openapi.problems(400, 401, 403, 404, 503),
    openapi_extra=openapi.takes(None, openapi.WAIT),
    summary="How far an execution has come",
)
async def status(request: Request, execution_id: str) -> Response:
    """Tell an execution's state and, once it has ended, its result."""
    context, who = context_of(request), caller(request)
    seconds = parsing.wait_seconds(request.query_params.get("wait"))
    if not seconds:
        return JsonResponse(await looking_up.status(context, who, execution_id))
    async with disconnect(request) as gone:
        found = await looking_up.status_at_end(context, who, execution_id, seconds, gone)
    return JsonResponse(found)


def _origin(request: Request) -> Origin:
    who = caller(request)
    key = idempotency.key_of(request.headers.getlist("idempotency-key"))
    return Origin(who, request.scope["cloche.request_id"], key)
