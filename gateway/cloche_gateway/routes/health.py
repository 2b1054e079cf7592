"""Service information and health checks. They require no API key."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cloche_gateway import __version__
from cloche_gateway.http.access import context_of
from cloche_gateway.http.json_response import JsonResponse
from cloche_gateway.http.route import Route

router = APIRouter(route_class=Route, tags=["health"])


@router.get("/", summary="What this is")
async def root() -> Response:
    """Name, version, and where the documentation is."""
    return JsonResponse({"name": "cloche", "version": __version__, "docs": "/docs"})


@router.get("/health", summary="How the gateway is")
@router.get("/api/v1/execute/health", summary="The same, where older clients look for it")
async def health(request: Request) -> Response:
    """200 while the gateway answers at all; `status` is degraded while it cannot serve."""
    problem = context_of(request).readiness.known_problem()
    word = "healthy" if problem is None else "degraded"
    return JsonResponse({"status": word, "version": __version__, "problem": problem})


@router.get("/health/live", summary="Whether the process lives")
async def live() -> Response:
    """200 as long as the event loop turns: nothing outside could be mended by a restart."""
    return JsonResponse({"status": "alive"})


@router.get(
    "/health/ready",
    responses={503: {"description": "The API server is out of reach, or the gateway stops"}},
    summary="Whether requests can be served",
)
async def ready(request: Request) -> Response:
    """200 when the API server serves and all watches of it stand, else 503 and why."""
    context = context_of(request)
    stopping = "the gateway is being stopped" if context.draining.done() else None
    problem = stopping or await context.readiness.problem()
    if problem is None:
        return JsonResponse({"status": "ready"})
    return JsonResponse({"status": "not ready", "problem": problem}, 503)
