"""Routes that execute programs: one and wait, one without waiting, or several at once."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Body, Response

from cloche_gateway import results
from cloche_gateway.errors import BATCH_ITEMS_MAX, BatchTooLargeError, InvalidRequestError
from cloche_gateway.http.request import Batching, Executing, JsonResponse
from cloche_gateway.http.route import Later, Route
from cloche_gateway.models import BatchItem, ExecuteRequest, ExecuteResponse, StatusResponse
from cloche_gateway.requests import batch_item
from cloche_gateway.routes import openapi
from cloche_gateway.routes.parameters import IdempotencyKey, Strict
from cloche_gateway.services import batch, execution

if TYPE_CHECKING:
    from cloche_gateway.http.request import Call
    from cloche_gateway.services.submission import Plan

router = APIRouter(route_class=Route, prefix="/api/v1/execute", tags=["execute"])


@router.post(
    "",
    response_model=ExecuteResponse,
    responses=openapi.problems(400, 401, 403, 404, 409, 410, 413, 429, 500, 503),
    summary="Execute code and wait for the result",
)
async def execute(
    call: Executing, asked: ExecuteRequest, *, strict: Strict = False, key: IdempotencyKey = None
) -> Response:
    """Run a program in its own Pod and return the result when it has ended.

    The status code is 200 if the program ends by itself, with any exit code. If the client
    disconnects, the execution is cancelled, unless the request has an Idempotency-Key.
    """
    warnings = call.warnings(strict=strict)
    planned = await execution.plan(call.context, call.origin(key), asked, call.held)
    return Later(functools.partial(_result, call, planned, warnings))


@router.post(
    "/async",
    status_code=202,
    response_model=StatusResponse,
    responses=openapi.problems(400, 401, 403, 404, 409, 410, 413, 429, 500, 503),
    summary="Execute code without waiting",
)
async def start(
    call: Executing, asked: ExecuteRequest, *, strict: Strict = False, key: IdempotencyKey = None
) -> Response:
    """Start a program and return as soon as the cluster has accepted the execution."""
    warnings = call.warnings(strict=strict)
    planned = await execution.plan(call.context, call.origin(key), asked, call.held)
    if planned.removed_once_answered:
        raise InvalidRequestError(
            "ttl_seconds", "must be at least 1, because with 0 the result could not be read"
        )
    return Later(functools.partial(_started, call, planned, warnings))


@router.post(
    "/batch",
    response_model=list[BatchItem],
    responses=openapi.problems(
        400, 401, 403, 413, 429, 503, details={400: str(BatchTooLargeError())}
    ),
    summary="Execute several programs and wait for all results",
)
async def execute_batch(
    call: Batching,
    items: Annotated[list[batch_item.BatchItem], Body(min_length=1, max_length=BATCH_ITEMS_MAX)],
    *,
    strict: Strict = False,
) -> Response:
    """Run up to ten programs at the same time and return their results when all have ended.

    The results are in the order of the requests. A result with an `error` has exit_code -1 and does
    not affect the others. If the client disconnects, all executions are cancelled.
    """
    checked = [item.checked(strict=strict) for item in items]
    return Later(functools.partial(_results, call, checked))


async def _result(call: Call, planned: Plan, warnings: tuple[str, ...]) -> Response:
    async with call.disconnect() as gone:
        answer = await execution.execute(call.context, planned, gone)
    headers = {} if answer.retry_after is None else {"Retry-After": str(answer.retry_after)}
    return JsonResponse(results.warned(answer.body, warnings), answer.status, headers)


async def _started(call: Call, planned: Plan, warnings: tuple[str, ...]) -> Response:
    state = await execution.start(call.context, call.caller, planned)
    location = f"{router.prefix}/status/{state['execution_id']}"
    return JsonResponse(results.warned(state, warnings), 202, {"Location": location})


async def _results(call: Call, items: list[batch_item.BatchItem]) -> Response:
    async with call.disconnect() as gone:
        return JsonResponse(
            await batch.execute(call.context, call.origin(), items, call.held, gone)
        )
