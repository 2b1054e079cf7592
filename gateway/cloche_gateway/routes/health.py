"""Service information, health checks and metrics. They require no API key."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cloche_gateway import __version__
from cloche_gateway.http.request import JsonResponse, Route, context_of

router = APIRouter(route_class=Route)

_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}}}}


@router.get("/", tags=["health"], summary="What this is")
async def root() -> Response:
    """Name, version, and where the documentation is."""
    return JsonResponse({"name": "cloche", "version": __version__, "docs": "/docs"})


@router.get("/health", tags=["health"], summary="How the gateway is")
@router.get(
    "/api/v1/execute/health",
    tags=["health"],
    summary="The same, where older clients look for it",
)
async def health(request: Request) -> Response:
    """200 while the gateway answers at all; `status` is degraded while it cannot serve."""
    problem = context_of(request).readiness.known_problem()
    word = "healthy" if problem is None else "degraded"
    return JsonResponse({"status": word, "version": __version__, "problem": problem})


@router.get("/health/live", tags=["health"], summary="Whether the process lives")
async def live() -> Response:
    """200 as long as the event loop turns: nothing outside could be mended by a restart."""
    return JsonResponse({"status": "alive"})


@router.get(
    "/health/ready",
    tags=["health"],
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


@router.get(
    "/metrics",
    tags=["metrics"],
    response_class=Response,
    responses={200: _TEXT},
    summary="Prometheus metrics",
)
async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    text = context_of(request).metrics.text()
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
