"""Route class that rejects unknown query parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute

from cloche_gateway.requests import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request
    from starlette.responses import Response


class Route(APIRoute):
    """A route that accepts only the query parameters that its `openapi_extra` declares."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, preceded by a check of the query."""
        handle = super().get_route_handler()
        parameters = (self.openapi_extra or {}).get("parameters", ())
        known = frozenset(one["name"] for one in parameters if one["in"] == "query")

        async def checked(request: Request) -> Response:
            queries.check(request.scope["query_string"], known)
            return await handle(request)

        return checked
