"""Service information, health checks and metrics. They require no API key."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from cloche_gateway import __version__
from cloche_gateway.http.request import InContext, JsonResponse
from cloche_gateway.http.route import Route
from cloche_gateway.routes import playground

router = APIRouter(route_class=Route)

_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}}}}
_VARY = {"Vary": "Accept"}


@router.get(
    "/",
    tags=["health"],
    responses={302: {"description": "The playground, for a client that accepts text/html"}},
    summary="Get service information",
)
async def root(request: Request, context: InContext) -> Response:
    """Return the name, the version, and the path of the documentation.

    A browser is redirected to the playground, if the gateway serves it.
    """
    if playground.prefers_page(request) and playground.served(context.settings):
        return RedirectResponse(playground.PATH, 302, _VARY)
    about = {"name": "cloche", "version": __version__, "docs": "/docs"}
    return JsonResponse(about, headers=_VARY)


@router.get("/health", tags=["health"], summary="Get the gateway's health")
@router.get(
    "/api/v1/execute/health",
    tags=["health"],
    summary="Deprecated alias of /health",
    deprecated=True,
)
async def health(context: InContext) -> Response:
    """Return 200 in any case. `status` is `degraded` while the gateway cannot serve requests."""
    problem = context.readiness.known_problem()
    word = "healthy" if problem is None else "degraded"
    return JsonResponse({"status": word, "version": __version__, "problem": problem})


@router.get("/health/live", tags=["health"], summary="Liveness probe")
async def live() -> Response:
    """Return 200 while the event loop runs, because a restart cannot fix other problems."""
    return JsonResponse({"status": "alive"})


@router.get(
    "/health/ready",
    tags=["health"],
    responses={
        503: {"description": "The API server is unreachable, or the gateway is shutting down"}
    },
    summary="Readiness probe",
)
async def ready(context: InContext) -> Response:
    """Return 200 if the API server answers and all watches are established, else 503."""
    stopping = "the gateway is shutting down" if context.draining.done() else None
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
async def metrics(context: InContext) -> Response:
    """Return the metrics in Prometheus' text format."""
    text = context.metrics.text()
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
