"""Run a program, and ask how far one has come."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, Request, Response

from cloche_gateway.models import ExecuteRequest, ExecuteResponse, StatusResponse
from cloche_gateway.routes import openapi
from cloche_gateway.routes.access import SCHEMES, caller, context_of
from cloche_gateway.routes.body import json_body
from cloche_gateway.routes.json import JsonResponse
from cloche_gateway.services import executing, looking_up, parsing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

router = APIRouter(
    prefix="/api/v1/execute", tags=["execute"], dependencies=[Depends(s) for s in SCHEMES]
)


@router.post(
    "",
    response_model=ExecuteResponse,
    responses=openapi.problems(400, 401, 403, 409, 413, 500, 503),
    openapi_extra=openapi.body(ExecuteRequest),
    summary="Execute code and wait for the result",
)
async def execute(request: Request) -> Response:
    """Run one program in a Pod of its own and answer when it has ended.

    A program that ends by itself is a 200, whatever its exit code. When the client goes away, the
    program is stopped.
    """
    context, who = context_of(request), caller(request)
    body = await json_body(request, context.settings.body_timeout_seconds)
    asked = parsing.execute_request(body)
    async with _disconnect(request) as gone:
        answer = await executing.execute(
            context, who, asked, request.scope["cloche.request_id"], gone
        )
    headers = {} if answer.retry_after is None else {"Retry-After": str(answer.retry_after)}
    return JsonResponse(answer.body, answer.status, headers)


@router.get(
    "/status/{execution_id}",
    response_model=StatusResponse,
    responses=openapi.problems(401, 403, 404, 503),
    summary="How far an execution has come",
)
async def status(request: Request, execution_id: str) -> Response:
    """Tell an execution's state and, once it has ended, its result."""
    context, who = context_of(request), caller(request)
    found = await looking_up.status(context, who, execution_id)
    return JsonResponse(found)


@contextlib.asynccontextmanager
async def _disconnect(request: Request) -> AsyncIterator[asyncio.Task[None]]:
    """A task that is done when the client has gone."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    task = asyncio.create_task(watch())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
