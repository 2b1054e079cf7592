"""Routes that create, get and end stateful sessions."""

from __future__ import annotations

import functools

from fastapi import APIRouter, Request, Response

from cloche_gateway import results
from cloche_gateway.http.request import (
    JsonResponse,
    Route,
    charged_caller,
    context_of,
    disconnect,
    parsed,
    reading_caller,
    refuse_idempotency_key,
    state_of,
)
from cloche_gateway.models import Message, SessionRequest, SessionResponse, SessionState
from cloche_gateway.requests import body, queries
from cloche_gateway.routes import openapi
from cloche_gateway.services import sessions

router = APIRouter(route_class=Route, prefix="/api/v1/sessions", tags=["sessions"])

_NOT_FOUND = {404: "Session sbs-550e8400-e29b-41d4-a716-446655440000 not found"}


@router.post(
    "",
    status_code=201,
    response_model=SessionResponse,
    responses=openapi.problems(
        400, 401, 403, 413, 429, 500, 503,
        details={500: "Session failed: the language's image could not be pulled"},
    ),
    openapi_extra=openapi.takes(SessionRequest, openapi.STRICT),
    summary="Create a session and wait until it is ready",
)  # fmt: skip
async def create(request: Request) -> Response:
    """Create a Pod that keeps its files from one execution to the next."""
    context, who = context_of(request), await charged_caller(request)
    refuse_idempotency_key(request)
    strict = queries.flag(request.query_params, "strict")
    with context.budget.charged(who.tenant) as held:
        parse = functools.partial(body.session_request, strict=strict)
        asked, warnings = await parsed(request, held, parse)
    request_id = state_of(request.scope).request_id
    async with disconnect(request) as gone:
        made = await sessions.create(context, who, asked, request_id, gone)
    location = {"Location": f"{router.prefix}/{made.name}"}
    return JsonResponse(results.warned(sessions.made(made), warnings), 201, location)


@router.get(
    "/{session_id}",
    response_model=SessionState,
    responses=openapi.problems(400, 401, 403, 404, 429, 503, details=_NOT_FOUND),
    summary="Get a session",
)
async def look_up(request: Request, session_id: str) -> Response:
    """Return the phase of a session and the time at which it ends."""
    context, who = context_of(request), await reading_caller(request)
    found = await sessions.look_up(context, who, session_id)
    return JsonResponse(sessions.state(found))


@router.delete(
    "/{session_id}",
    response_model=Message,
    responses=openapi.problems(400, 401, 403, 404, 429, 503, details=_NOT_FOUND),
    summary="End a session",
)
async def end(request: Request, session_id: str) -> Response:
    """End a session: delete its Pod and its files, and stop the program that runs in it."""
    context, who = context_of(request), await reading_caller(request)
    await sessions.end(context, who, session_id)
    return JsonResponse({"message": f"Session {session_id} cleaned up"})
