"""The routes of Piston, except the websocket. Each is also there where its public site has it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body
from starlette.datastructures import Headers
from starlette.requests import Request  # noqa: TC002  FastAPI reads it

from cloche_gateway.dialects.outcome import outcome
from cloche_gateway.dialects.piston import job, runtimes, stages
from cloche_gateway.dialects.piston.dialect import PISTON, PREFIX, PUBLIC, Executing, Reading
from cloche_gateway.errors import UnsupportedMediaTypeError, shown
from cloche_gateway.http.request import Call, JsonResponse
from cloche_gateway.http.route import Later
from cloche_gateway.services import execution

if TYPE_CHECKING:
    from starlette.responses import Response

    from cloche_gateway.dialects.piston.runtimes import Runtime
    from cloche_gateway.services.submission import Plan

router = PISTON.router(PREFIX)
Given = Annotated[Any, Body()]
"""A body of any type. It has a default, because FastAPI would reject null."""
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@router.get("/runtimes")
@router.get(f"{PUBLIC}/runtimes")
async def list_runtimes(call: Reading) -> Response:
    """Return the installed languages."""
    return JsonResponse([one.listed for one in runtimes.installed(call.context.languages)])


@router.post("/execute")
@router.post(f"{PUBLIC}/execute")
async def execute(call: Executing, request: Request, body: Given = None) -> Response:
    """Run a program and return the results of its stages."""
    _check_sender(request)
    asked = job.of_body(
        body,
        runtimes.installed(call.context.languages),
        any_version=call.context.settings.piston_any_version,
    )
    planned = await execution.plan(call.context, call.origin(), asked.request, call.held)
    return Later(functools.partial(_run, call, planned, asked.runtime))


async def _run(call: Call, planned: Plan, runtime: Runtime) -> Response:
    async with call.disconnect() as gone:
        answer = await execution.execute(call.context, planned, gone)
    return JsonResponse(stages.response(runtime, outcome(answer)))


@router.get("/packages")
@router.get(f"{PUBLIC}/packages")
async def list_packages(call: Reading) -> Response:
    """Return the installed languages as packages. There are no others."""
    found = runtimes.installed(call.context.languages)
    return JsonResponse(
        [
            {"language": one.language, "language_version": one.shown_version, "installed": True}
            for one in found
        ]
    )


@router.post("/packages")
@router.delete("/packages")
async def change_packages(call: Reading, body: Given = None) -> Response:  # noqa: ARG001
    """Return 404, because administrators install languages, and not clients."""
    given = body if isinstance(body, dict) else {}
    package = "-".join(_shown(given.get(field)) for field in ("language", "version"))
    return _not_found(f"Requested package {package} does not exist")


@router.api_route("", methods=_METHODS)
@router.api_route("/{path:path}", methods=_METHODS)
async def anything_else(call: Reading) -> Response:  # noqa: ARG001
    """Return 404 for all other paths and methods."""
    return _not_found("Not Found")


def _check_sender(request: Request) -> None:
    """Reject text/plain from a web page.

    A page of another site may send it without asking the gateway first (CORS). If requests need no
    key, it could run programs.

    Raises:
        UnsupportedMediaTypeError: the request has an Origin, and its body is not application/json.
    """
    # Of the scope, because the route has replaced it in the request.
    kind = Headers(scope=request.scope).get("content-type", "")
    if "origin" in request.headers and kind.strip().lower().startswith("text/plain"):
        raise UnsupportedMediaTypeError("Content-Type", "must be application/json")


def _shown(value: Any) -> str:
    """Return a client's word for a message, cut, and as JavaScript shows it if it is not text."""
    if isinstance(value, str):
        return shown(value)
    return "undefined" if value is None else "[object Object]"


def _not_found(message: str) -> Response:
    printable = message.encode("utf-8", "replace").decode()  # without lone surrogates
    return JsonResponse({"message": printable}, 404)
