"""Routes that list, get, stream, cancel and remove executions."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cloche_gateway.errors import StillRunningError
from cloche_gateway.http.request import (
    JsonResponse,
    Route,
    charged_caller,
    context_of,
    disconnect,
    reading_caller,
)
from cloche_gateway.models import ExecutionList, Message, StatusResponse
from cloche_gateway.requests import queries
from cloche_gateway.routes import openapi
from cloche_gateway.routes.event_stream import EventStream
from cloche_gateway.services import listing, lookup, output_events, removal

_AN_ID = "550e8400-e29b-41d4-a716-446655440000"

router = APIRouter(route_class=Route, prefix="/api/v1")


@router.get(
    "/execute/status/{execution_id}",
    tags=["execute"],
    response_model=StatusResponse,
    responses=openapi.problems(400, 401, 403, 404, 429, 503),
    openapi_extra=openapi.takes(None, openapi.WAIT),
    summary="Get the status of an execution",
)
@router.get(
    "/executions/{execution_id}",
    tags=["executions"],
    response_model=StatusResponse,
    responses=openapi.problems(400, 401, 403, 404, 429, 503),
    openapi_extra=openapi.takes(None, openapi.WAIT),
    summary="Get an execution",
)
async def status(request: Request, execution_id: str) -> Response:
    """Return the state of an execution and, once it has ended, its result."""
    context, who = context_of(request), await reading_caller(request)
    seconds = queries.wait_seconds(request.query_params.get("wait"))
    if not seconds:
        return JsonResponse(await lookup.status(context, who, execution_id))
    async with disconnect(request) as gone:
        found = await lookup.status_at_end(context, who, execution_id, seconds, gone)
    return JsonResponse(found)


@router.get(
    "/executions",
    tags=["executions"],
    response_model=ExecutionList,
    responses=openapi.problems(400, 401, 403, 429, 503),
    openapi_extra=openapi.takes(None, *openapi.LISTING),
    summary="List executions, newest first",
)
async def executions(request: Request) -> Response:
    """Return the tenant's running and stored executions, without their input and output."""
    context, who = context_of(request), await charged_caller(request)
    query = queries.listing(request.query_params)
    return JsonResponse(await listing.executions(context, who, query))


@router.delete(
    "/executions/{execution_id}",
    tags=["executions"],
    response_model=StatusResponse | Message,
    responses=openapi.problems(
        400, 401, 403, 404, 409, 429, 503, details={409: str(StillRunningError(_AN_ID))}
    ),
    openapi_extra=openapi.takes(None, openapi.PURGE),
    summary="Cancel an execution or remove its record",
)
async def cancel(request: Request, execution_id: str) -> Response:
    """Cancel an execution and return its state. An execution that has ended does not change.

    The record stays. With `purge`, the record of an execution that has ended is removed: source,
    input and output.
    """
    context, who = context_of(request), await reading_caller(request)
    if queries.flag(request.query_params, "purge"):
        await removal.purge(context, who, execution_id)
        return JsonResponse({"message": f"Execution {execution_id} removed"})
    return JsonResponse(await removal.cancel(context, who, execution_id))


@router.get(
    "/executions/{execution_id}/events",
    tags=["executions"],
    response_class=Response,
    responses=openapi.EVENTS | openapi.problems(400, 401, 403, 404, 429, 503),
    openapi_extra=openapi.takes(None, openapi.LAST_EVENT_ID),
    summary="Stream the output of an execution",
)
async def events(request: Request, execution_id: str) -> Response:
    """Send server-sent events `started`, `stdout`, `stderr` and `exit`, from the first byte on.

    If the execution has ended, the output comes from its record: stdout before stderr, marked
    `replayed`. Each event has an id. A client that reconnects with it as Last-Event-ID gets the
    events after it.
    """
    context, who = context_of(request), await reading_caller(request)
    start = queries.position(request.headers.get("last-event-id"))
    obj = await output_events.execution(context, who, execution_id)
    return EventStream(output_events.events(context, obj, start))


@router.delete(
    "/execute/session/{session_id}",
    tags=["executions"],
    response_model=Message,
    responses=openapi.problems(
        401, 403, 404, 429, 503, details={404: "Session my session! not found"}
    ),
    summary="Remove the executions of a session",
)
async def clean_up(request: Request, session_id: str) -> Response:
    """Stop the tenant's executions of that session and remove their records.

    If it is a stateful session, it ends. The response is the same if nothing was found.
    """
    context, who = context_of(request), await charged_caller(request)
    await removal.clean_up(context, who, session_id)
    return JsonResponse({"message": f"Session {session_id} cleaned up"})
