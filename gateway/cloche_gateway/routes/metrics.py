"""The metrics endpoint for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cloche_gateway.http.access import context_of
from cloche_gateway.http.route import Route

router = APIRouter(route_class=Route, tags=["metrics"])


_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}}}}


@router.get(
    "/metrics", response_class=Response, responses={200: _TEXT}, summary="Prometheus metrics"
)
async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    text = context_of(request).metrics.text()
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
