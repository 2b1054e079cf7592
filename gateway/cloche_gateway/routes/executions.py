"""Routes that list, get, stream, cancel and remove executions."""

from __future__ import annotations

from fastapi import APIRouter, Response

from cloche_gateway.errors import StillRunningError
from cloche_gateway.http.request import Executing, JsonResponse, Reading
from cloche_gateway.http.route import Route
from cloche_gateway.models import ExecutionList, Message, StatusResponse
from cloche_gateway.requests import queries
from cloche_gateway.routes import openapi
from cloche_gateway.routes.event_stream import EventStream
from cloche_gateway.routes.parameters import LastEventId, Listing, Purge, Wait
from cloche_gateway.services import listing, lookup, output_events, removal

_AN_ID = "550e8400-e29b-41d4-a716-446655440000"

router = APIRouter(route_class=Route, prefix="/api/v1")


@router.get(
    "/execute/status/{execution_id}",
    tags=["execute"],
    response_model=StatusResponse,
    responses=openapi.problems(400, 401, 403, 404, 429, 503),
    summary="Get the status of an execution",
)
@router.get(
    "/executions/{execution_id}",
    tags=["executions"],
    response_model=StatusResponse,
    responses=openapi.problems(400, 401, 403, 404, 429, 503),
    summary="Get an execution",
)
async def status(call: Reading, execution_id: str, wait: Wait = 0) -> Response:
    """Return the state of an execution and, once it has ended, its result."""
    if not wait:
        return JsonResponse(await lookup.status(call.context, call.caller, execution_id))
    async with call.disconnect() as gone:
        found = await lookup.status_at_end(call.context, call.caller, execution_id, wait, gone)
    return JsonResponse(found)


@router.get(
    "/executions",
    tags=["executions"],
    response_model=ExecutionList,
    responses=openapi.problems(400, 401, 403, 429, 503),
    summary="List executions, newest first",
)
async def executions(call: Executing, query: Listing) -> Response:
    """Return the tenant's running and stored executions, without their input and output."""
    return JsonResponse(await listing.executions(call.context, call.caller, query))


@router.delete(
    "/executions/{execution_id}",
    tags=["executions"],
    response_model=StatusResponse | Message,
    responses=openapi.problems(
        400, 401, 403, 404, 409, 429, 503, details={409: str(StillRunningError(_AN_ID))}
    ),
    summary="Cancel an execution or remove its record",
)
async def cancel(call: Reading, execution_id: str, *, purge: Purge = False) -> Response:
    """Cancel an execution and return its state. An execution that has ended does not change.

    The record stays. With `purge`, the record of an execution that has ended is removed: source,
    input and output.
    """
    if purge:
        await removal.purge(call.context, call.caller, execution_id)
        return JsonResponse({"message": f"Execution {execution_id} removed"})
    return JsonResponse(await removal.cancel(call.context, call.caller, execution_id))


@router.get(
    "/executions/{execution_id}/events",
    tags=["executions"],
    response_class=Response,
    responses=openapi.EVENTS | openapi.problems(400, 401, 403, 404, 429, 503),
    summary="Stream the output of an execution",
)
async def events(call: Reading, execution_id: str, last: LastEventId = None) -> Response:
    """Send server-sent events `started`, `stdout`, `stderr` and `exit`, from the first byte on.

    If the execution has ended, the output comes from its record: stdout before stderr, marked
    `replayed`. Each event has an id. A client that reconnects with it as Last-Event-ID gets the
    events after it.
    """
    start = queries.position(last)
    obj = await output_events.execution(call.context, call.caller, execution_id)
    return EventStream(output_events.events(call.context, obj, start))


@router.delete(
    "/execute/session/{session_id:rest}",
    tags=["executions"],
    response_model=Message,
    responses=openapi.problems(401, 403, 429, 503),
    summary="Remove the executions of a session",
)
async def clean_up(call: Executing, session_id: str) -> Response:
    """Stop the tenant's executions of that session and remove their records.

    If it is a stateful session, it ends. The response is the same if nothing was found.
    """
    await removal.clean_up(call.context, call.caller, session_id)
    return JsonResponse({"message": f"Session {session_id} cleaned up"})
