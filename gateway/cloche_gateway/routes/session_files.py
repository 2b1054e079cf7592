"""Routes that write, list, read and remove files of a session."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from cloche_gateway import results
from cloche_gateway.http.request import Executing, JsonResponse
from cloche_gateway.http.route import Later, Route
from cloche_gateway.models import Message
from cloche_gateway.routes import openapi
from cloche_gateway.routes.parameters import Pattern, Strict
from cloche_gateway.services import session_files
from cloche_gateway.session_models import SessionFileList, SessionFiles

if TYPE_CHECKING:
    from cloche_gateway.http.request import Call
    from cloche_gateway.services.submission import Plan

router = APIRouter(
    route_class=Route, prefix="/api/v1/sessions/{session_id}/files", tags=["sessions"]
)

_NO_SESSION = {404: "Session sbs-550e8400-e29b-41d4-a716-446655440000 not found"}
_NO_FILE = {404: "File results/table.csv not found"}
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    }
}


@router.post(
    "",
    response_model=SessionFileList,
    responses=openapi.problems(400, 401, 403, 404, 409, 413, 429, 500, 503, details=_NO_SESSION),
    summary="Write files into a session",
)
async def write(
    call: Executing, session_id: str, asked: SessionFiles, *, strict: Strict = False
) -> Response:
    """Write files into the working directory of a session, without running a program.

    A file with the same path is replaced. If one cannot be written, those before it have been.
    """
    warnings = call.warnings(strict=strict)
    planned = await session_files.plan_write(
        call.context, call.origin(), session_id, asked, call.held
    )
    return Later(functools.partial(_written, call, session_id, planned, warnings))


async def _written(
    call: Call, session_id: str, planned: Plan, warnings: tuple[str, ...]
) -> Response:
    written = await session_files.write(call.context, planned, session_id)
    return JsonResponse(results.warned(written, warnings))


@router.get(
    "",
    response_model=SessionFileList,
    responses=openapi.problems(400, 401, 403, 404, 409, 413, 429, 500, 503, details=_NO_SESSION),
    summary="List the files of a session",
)
async def listed(call: Executing, session_id: str, pattern: Pattern = "**") -> Response:
    """Return path, size and time of the files in the working directory that match a pattern."""
    return JsonResponse(
        await session_files.listed(call.context, call.origin(), session_id, pattern)
    )


@router.get(
    "/{path:rest}",
    response_class=Response,
    responses=_BYTES
    | openapi.problems(400, 401, 403, 404, 409, 413, 429, 500, 503, details=_NO_FILE),
    summary="Get a file of a session",
)
async def read(call: Executing, session_id: str, path: str) -> Response:
    """Return the bytes of a file in the working directory, at most 256 KiB."""
    content = await session_files.read(call.context, call.origin(), session_id, path)
    name = quote(path.rpartition("/")[2], safe="")
    # The program chose the content, so no browser may show it (RFC 6266, 4.3).
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.delete(
    "/{path:rest}",
    response_model=Message,
    responses=openapi.problems(400, 401, 403, 404, 409, 413, 429, 500, 503, details=_NO_FILE),
    summary="Remove a file of a session",
)
async def remove(call: Executing, session_id: str, path: str) -> Response:
    """Remove a file from the working directory."""
    await session_files.remove(call.context, call.origin(), session_id, path)
    return JsonResponse({"message": f"File {path} removed"})
