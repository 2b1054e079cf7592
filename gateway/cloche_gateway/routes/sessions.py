"""Routes that create, list, get, change and end stateful sessions."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

from cloche_gateway import results
from cloche_gateway.http.request import Executing, JsonResponse, Reading
from cloche_gateway.http.route import Later, Route
from cloche_gateway.models import Message
from cloche_gateway.routes import openapi
from cloche_gateway.routes.parameters import Paging, Strict
from cloche_gateway.services import live_sessions, session_files, sessions
from cloche_gateway.session_models import (
    ChangedSession,
    SessionChange,
    SessionList,
    SessionRequest,
    SessionResponse,
    SessionState,
)

if TYPE_CHECKING:
    from cloche_gateway.http.request import Call

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
    summary="Create a session and wait until it is ready",
)  # fmt: skip
async def create(call: Executing, asked: SessionRequest, *, strict: Strict = False) -> Response:
    """Create a Pod that keeps its files from one execution to the next."""
    warnings = call.warnings(strict=strict)
    call.held.release()  # What is left of the body is small.
    return Later(functools.partial(_created, call, asked, warnings))


async def _created(call: Call, asked: SessionRequest, warnings: tuple[str, ...]) -> Response:
    async with call.disconnect() as gone:
        made = await sessions.create(call.context, call.caller, asked, call.state.request_id, gone)
    location = {"Location": f"{router.prefix}/{made.name}"}
    return JsonResponse(results.warned(sessions.made(made), warnings), 201, location)


@router.get(
    "",
    response_model=SessionList,
    responses=openapi.problems(400, 401, 403, 429, 503),
    summary="List sessions, newest first",
)
async def listed(call: Reading, page: Paging) -> Response:
    """Return the tenant's sessions that have not ended."""
    return JsonResponse(live_sessions.listed(call.context, call.caller, page))


@router.get(
    "/{session_id}",
    response_model=SessionState,
    responses=openapi.problems(400, 401, 403, 404, 429, 503, details=_NOT_FOUND),
    summary="Get a session",
)
async def look_up(call: Reading, session_id: str) -> Response:
    """Return the phase of a session and the time at which it ends."""
    found = await sessions.look_up(call.context, call.caller, session_id)
    return JsonResponse(sessions.state(found))


@router.patch(
    "/{session_id}",
    response_model=ChangedSession,
    responses=openapi.problems(400, 401, 403, 404, 413, 429, 500, 503, details=_NOT_FOUND),
    summary="Change the times of a session",
)
async def change(
    call: Executing, session_id: str, asked: SessionChange, *, strict: Strict = False
) -> Response:
    """Change the idle timeout or the lifetime of a session, to extend or to shorten its life."""
    warnings = call.warnings(strict=strict)
    call.held.release()  # What is left of the body is small.
    changed = await live_sessions.change(call.context, call.caller, session_id, asked)
    return JsonResponse(results.warned(sessions.state(changed), warnings))


@router.post(
    "/{session_id}/restart",
    response_model=Message,
    responses=openapi.problems(400, 401, 403, 404, 409, 413, 429, 500, 503, details=_NOT_FOUND),
    summary="Restart the interpreter of a session",
)
async def restart(call: Executing, session_id: str) -> Response:
    """Start the interpreter of a session anew: forget all names and end all processes.

    The files stay. The restart waits for its turn, like an execution of the session.
    """
    await session_files.restart(call.context, call.origin(), session_id)
    return JsonResponse({"message": f"Session {session_id} restarted"})


@router.delete(
    "/{session_id}",
    response_model=Message,
    responses=openapi.problems(400, 401, 403, 404, 429, 503, details=_NOT_FOUND),
    summary="End a session",
)
async def end(call: Reading, session_id: str) -> Response:
    """End a session: delete its Pod and its files, and stop the program that runs in it."""
    await sessions.end(call.context, call.caller, session_id)
    return JsonResponse({"message": f"Session {session_id} cleaned up"})
