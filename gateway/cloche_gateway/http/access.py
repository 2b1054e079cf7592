"""Authenticate the caller of a request and charge the request to the caller's rate limits."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from cloche_gateway.errors import InvalidRequestError, RateLimitedError
from cloche_gateway.limits.rates import Kind

if TYPE_CHECKING:
    from starlette.requests import Request

    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.context import Context


def context_of(request: Request) -> Context:
    """Return the context that the application was started with."""
    context: Context = request.app.state.context
    return context


def caller(request: Request) -> Caller:
    """Return the caller of a request, by its API key.

    The key is in the header X-API-Key or, without one, in `Authorization: Bearer`.

    The request counts as one of the key's in-flight requests until it is answered. It is not
    charged to a rate limit; `charged_caller`, `reading_caller` and `charge` do that.

    Raises:
        KeyRequiredError, KeyInvalidError, KeyExpiredError: as `KeyRing.caller`.
        TooManyAtOnceError: the key has reached its limit of in-flight requests.
    """
    context = context_of(request)
    presented = request.headers.get("x-api-key")
    if not presented:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        presented = token.strip() if scheme.lower() == "bearer" else None
    found = context.keys.caller(presented)
    request.scope["cloche.caller"] = found  # for the middleware and the protocol
    context.in_flight.begin(found)
    request.scope["cloche.answered"] = functools.partial(context.in_flight.end, found.key)
    return found


async def charged_caller(request: Request) -> Caller:
    """Return the caller, after charging one execution to its rate limit.

    Call this before validating the request, so that rejected requests count too.

    Raises:
        GatewayError: as `caller` and `charge`.
    """
    who = caller(request)
    await charge(request, who)
    return who


async def reading_caller(request: Request) -> Caller:
    """Return the caller, after charging one read to its rate limit of reads.

    Raises:
        GatewayError: as `caller` and `charge`.
    """
    who = caller(request)
    await charge(request, who, kind=Kind.READS)
    return who


async def charge(
    request: Request, who: Caller, count: int = 1, kind: Kind = Kind.EXECUTIONS
) -> None:
    """Charge `count` requests of a kind. The response's RateLimit headers will show what is left.

    Raises:
        RateLimitedError: fewer than `count` are left.
        BusyError: as `Rates.charge`.
    """
    quota = await context_of(request).rates.charge(who, count, kind)
    request.scope["cloche.quota"] = quota
    if quota is not None and not quota.passed:
        raise RateLimitedError(quota.reset)


def refuse_idempotency_key(request: Request) -> None:
    """Reject the header Idempotency-Key on a route that does not support it.

    If it were ignored, a retry would do the work a second time.

    Raises:
        InvalidRequestError: it was sent.
    """
    if "idempotency-key" in request.headers:
        raise InvalidRequestError(
            "Idempotency-Key", "is supported by /execute and /execute/async alone: leave it out"
        )
