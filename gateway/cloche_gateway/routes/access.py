"""Who asks: the context of the application and the caller of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

    from cloche_gateway.context import Context
    from cloche_gateway.keys import Caller


def context_of(request: Request) -> Context:
    """The context that the application was started with."""
    context: Context = request.app.state.context
    return context


def caller(request: Request) -> Caller:
    """Whose key came with the request: X-API-Key, else Authorization: Bearer.

    Raises:
        KeyRequiredError, KeyInvalidError: as `KeyRing.caller`.
    """
    presented = request.headers.get("x-api-key")
    if not presented:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        presented = token.strip() if scheme.lower() == "bearer" else None
    found = context_of(request).keys.caller(presented)
    request.scope["cloche.caller"] = found  # for the log line
    return found
