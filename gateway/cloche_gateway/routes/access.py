"""Who asks, and how often: the context of the application and the caller of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_gateway.errors import RateLimitedError

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


async def charged_caller(request: Request) -> Caller:
    """The caller, once one execution is charged to its rate.

    Before anything else is looked at: a request that is refused counts too.

    Raises:
        GatewayError: as `caller` and `charge`.
    """
    who = caller(request)
    await charge(request, who)
    return who


async def charge(request: Request, who: Caller, count: int = 1) -> None:
    """Charge so many executions; the answer's headers will say what is left.

    Raises:
        RateLimitedError: there is not so much left.
        BusyError: as `Rates.charge`.
    """
    quota = await context_of(request).rates.charge(who, count)
    request.scope["cloche.quota"] = quota
    if quota is not None and not quota.passed:
        raise RateLimitedError(quota.reset)
