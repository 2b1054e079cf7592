"""Routes that execute programs: one and wait, one without waiting, or several at once."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from cloche_gateway import results
from cloche_gateway.errors import (
    BATCH_ITEMS_MAX,
    BatchTooLargeError,
    GatewayError,
    InvalidRequestError,
)
from cloche_gateway.http.request import (
    JsonResponse,
    Route,
    caller,
    charge,
    charged_caller,
    context_of,
    disconnect,
    idempotency_key,
    parsed,
    refuse_idempotency_key,
    state_of,
)
from cloche_gateway.models import BatchItem, ExecuteRequest, ExecuteResponse, StatusResponse
from cloche_gateway.requests import body, queries
from cloche_gateway.routes import openapi
from cloche_gateway.services import batch, execution
from cloche_gateway.services.execution import Origin

if TYPE_CHECKING:
    from cloche_api.accounting.budget import Charge
    from cloche_gateway.services.submission import Plan

router = APIRouter(route_class=Route, prefix="/api/v1/execute", tags=["execute"])


@router.post(
    "",
    response_model=ExecuteResponse,
    responses=openapi.problems(400, 401, 403, 404, 409, 410, 413, 429, 500, 503),
    openapi_extra=openapi.takes(ExecuteRequest, openapi.STRICT, openapi.IDEMPOTENCY_KEY),
    summary="Execute code and wait for the result",
)
async def execute(request: Request) -> Response:
    """Run a program in its own Pod and return the result when it has ended.

    The status code is 200 if the program ends by itself, with any exit code. If the client
    disconnects, the execution is cancelled, unless the request has an Idempotency-Key.
    """
    context, origin = context_of(request), await _origin(request)
    with context.budget.charged(origin.caller.tenant) as held:
        planned, warnings = await _planned(request, origin, held)
        async with disconnect(request) as gone:
            answer = await execution.execute(context, planned, gone)
    headers = {} if answer.retry_after is None else {"Retry-After": str(answer.retry_after)}
    return JsonResponse(results.warned(answer.body, warnings), answer.status, headers)


@router.post(
    "/async",
    status_code=202,
    response_model=StatusResponse,
    responses=openapi.problems(400, 401, 403, 404, 409, 410, 413, 429, 500, 503),
    openapi_extra=openapi.takes(ExecuteRequest, openapi.STRICT, openapi.IDEMPOTENCY_KEY),
    summary="Execute code without waiting",
)
async def start(request: Request) -> Response:
    """Start a program and return as soon as the cluster has accepted the execution."""
    context, origin = context_of(request), await _origin(request)
    with context.budget.charged(origin.caller.tenant) as held:
        planned, warnings = await _planned(request, origin, held)
        if planned.removed_once_answered:
            raise InvalidRequestError(
                "ttl_seconds", "must be at least 1, because with 0 the result could not be read"
            )
        state = await execution.start(context, origin.caller, planned)
    location = f"{router.prefix}/status/{state['execution_id']}"
    return JsonResponse(results.warned(state, warnings), 202, {"Location": location})


@router.post(
    "/batch",
    response_model=list[BatchItem],
    responses=openapi.problems(
        400, 401, 403, 413, 429, 503, details={400: str(BatchTooLargeError())}
    ),
    openapi_extra=openapi.takes_list(ExecuteRequest, BATCH_ITEMS_MAX, openapi.STRICT),
    summary="Execute several programs and wait for all results",
)
async def execute_batch(request: Request) -> Response:
    """Run up to ten programs at the same time and return their results when all have ended.

    The results are in the order of the requests. A result with an `error` has exit_code -1 and does
    not affect the others. If the client disconnects, all executions are cancelled.
    """
    context, who = context_of(request), caller(request)
    with context.budget.charged(who.tenant) as held:
        try:
            refuse_idempotency_key(request)
            parse = functools.partial(body.batch, strict=_strict(request))
            items = await parsed(request, held, parse)
        except GatewayError:
            await charge(request, who)
            raise
        await charge(request, who, len(items))
        origin = Origin(who, state_of(request.scope).request_id)
        async with disconnect(request) as gone:
            return JsonResponse(await batch.execute(context, origin, items, held, gone))


async def _planned(request: Request, origin: Origin, held: Charge) -> tuple[Plan, tuple[str, ...]]:
    """Return the execution that the request's body asks for, and the warnings for the client.

    The body and the parsed request are not kept in memory while the program runs.
    """
    parse = functools.partial(body.execute_request, strict=_strict(request))
    asked, warnings = await parsed(request, held, parse)
    return await execution.plan(context_of(request), origin, asked, held), warnings


def _strict(request: Request) -> bool:
    """Return `?strict=`. Most requests have no query, and then none is parsed."""
    return bool(request.scope["query_string"]) and queries.flag(request.query_params, "strict")


async def _origin(request: Request) -> Origin:
    who = await charged_caller(request)
    return Origin(who, state_of(request.scope).request_id, idempotency_key(request))
