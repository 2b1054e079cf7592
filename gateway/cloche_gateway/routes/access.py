"""Who asks, and how often: the context of the application and the caller of a request."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from cloche_gateway.errors import InvalidRequestError, RateLimitedError
from cloche_gateway.rates import Kind

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

    The request counts as one of the key's in flight until it is answered. What it costs is charged
    by `charged_caller`, `reading_caller` or `charge`.

    Raises:
        KeyRequiredError, KeyInvalidError, KeyExpiredError: as `KeyRing.caller`.
        TooManyAtOnceError: as many requests of that key are being answered as may be.
    """
    context = context_of(request)
    presented = request.headers.get("x-api-key")
    if not presented:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        presented = token.strip() if scheme.lower() == "bearer" else None
    found = context.keys.caller(presented)
    request.scope["cloche.caller"] = found  # for the log line
    context.in_flight.begin(found)
    request.scope["cloche.answered"] = functools.partial(context.in_flight.end, found.key)
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


async def reading_caller(request: Request) -> Caller:
    """The caller, once one read is charged to its rate of reads.

    Raises:
        GatewayError: as `caller` and `charge`.
    """
    who = caller(request)
    await charge(request, who, kind=Kind.READS)
    return who


async def charge(
    request: Request, who: Caller, count: int = 1, kind: Kind = Kind.EXECUTIONS
) -> None:
    """Charge so many; the answer's headers will say what is left.

    Raises:
        RateLimitedError: there is not so much left.
        BusyError: as `Rates.charge`.
    """
    quota = await context_of(request).rates.charge(who, count, kind)
    request.scope["cloche.quota"] = quota
    if quota is not None and not quota.passed:
        raise RateLimitedError(quota.reset)


def refuse_idempotency_key(request: Request) -> None:
    """Refuse the header where it would do nothing: the work would be done twice.

    Raises:
        InvalidRequestError: it was sent.
    """
    if "idempotency-key" in request.headers:
        raise InvalidRequestError(
            "Idempotency-Key", "is supported by /execute and /execute/async alone: leave it out"
        )
