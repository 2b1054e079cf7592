"""What all routes share: who sent a request, its query and body, its client's disconnect, and JSON.

A route's handler calls these functions in a fixed order: the caller and its limits first, because a
request without a valid key must cost little, and the body last.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from cloche_gateway.errors import (
    ClientGoneError,
    InvalidRequestError,
    RateLimitedError,
    TooLargeError,
    shown,
)
from cloche_gateway.limits.rates import Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Container, Coroutine, Mapping

    from starlette.requests import Request
    from starlette.types import Receive

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.context import Context
    from cloche_gateway.limits.pace import Connection
    from cloche_gateway.limits.rates import Quota

QUERY_BYTES = 4096
"""The longest query string. A cursor, the longest parameter, has about 200 bytes."""
BODY_BYTES = 4 * 1024 * 1024
"""The largest body. 700 KiB of content can be six times as long if each character is escaped in
JSON."""
_AT_ONCE_BYTES = 64 * 1024
"""The largest body that is parsed in the event loop, which takes less than 10 ms for any content.
A larger one is parsed in a thread. The event loop then gets its turn every 5 ms
(sys.getswitchinterval), or after a pass over the body, which holds the interpreter lock for at most
30 ms."""
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")

_Parsed = TypeVar("_Parsed")


@dataclass(slots=True)
class RequestState:
    """What the gateway knows of a request. The protocol, the middleware and the routes share it."""

    connection: Connection
    request_id: str = ""
    caller: Caller | None = None
    """None until the API key has been checked."""
    quota: Quota | None = None
    """The caller's quota after the request was charged."""
    on_answered: Callable[[], None] | None = None
    """Removes the request from its key's in-flight requests."""

    def answered(self) -> None:
        """Remove the request from its key's in-flight requests, if it still counts as one."""
        call, self.on_answered = self.on_answered, None
        if call is not None:
            call()


def state_of(scope: Mapping[str, Any]) -> RequestState:
    """Return the state of a request, which the protocol sets as Starlette's `request.state.own`."""
    state: RequestState = scope["state"]["own"]
    return state


class Route(APIRoute):
    """A route that accepts only the query parameters that its `openapi_extra` declares."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, preceded by a check of the query."""
        handle = super().get_route_handler()
        parameters = (self.openapi_extra or {}).get("parameters", ())
        known = frozenset(one["name"] for one in parameters if one["in"] == "query")

        async def checked(request: Request) -> Response:
            check_query(request.scope["query_string"], known)
            return await handle(request)

        return checked


class JsonResponse(Response):
    """A JSON response, serialised by pydantic-core.

    It serialises half a megabyte in less than a millisecond.
    """

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None,
                 ) -> None:  # fmt: skip
        super().__init__(to_json(content), status_code, headers)


def context_of(request: Request) -> Context:
    """Return the context that the application was started with."""
    context: Context = request.app.state.context
    return context


def check_query(query: bytes, known: Container[str]) -> None:
    """Reject unknown and repeated parameters.

    A misspelled parameter would otherwise be ignored without notice.

    Raises:
        InvalidRequestError: the query is not valid. The message names the parameter and the rule.
    """
    if not query:
        return
    if len(query) > QUERY_BYTES:
        raise InvalidRequestError("query", f"must be at most {QUERY_BYTES // 1024} KiB")
    seen: set[str] = set()
    for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in known:
            raise InvalidRequestError(shown(name), "unknown parameter")
        if name in seen:
            raise InvalidRequestError(name, "is given twice")
        seen.add(name)


def caller(request: Request) -> Caller:
    """Return the caller of a request, by its API key.

    The key is in the header X-API-Key or, without one, in `Authorization: Bearer`.

    The request counts as one of the key's in-flight requests until it is answered. It is not
    charged to a rate limit; `charged_caller`, `reading_caller` and `charge` do that.

    Raises:
        KeyRequiredError, KeyInvalidError, KeyExpiredError: as `KeyRing.caller`.
        TooManyAtOnceError: the key has reached its limit of in-flight requests.
    """
    context, state = context_of(request), state_of(request.scope)
    presented = request.headers.get("x-api-key")
    if not presented:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        presented = token.strip() if scheme.lower() == "bearer" else None
    state.caller = found = context.keys.caller(presented)
    context.in_flight.begin(found)
    state.on_answered = functools.partial(context.in_flight.end, found.key)
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
    state_of(request.scope).quota = quota
    if quota is not None and not quota.passed:
        raise RateLimitedError(quota.reset)


def idempotency_key(request: Request) -> str | None:
    """Return the value of the header Idempotency-Key, or None if it was not sent.

    Raises:
        InvalidRequestError: it was sent twice, or is not 1 to 255 printable ASCII characters.
    """
    values = request.headers.getlist("idempotency-key")
    if not values:
        return None
    if len(values) > 1:
        raise InvalidRequestError("Idempotency-Key", "is given twice")
    if not _IDEMPOTENCY_KEY.fullmatch(values[0]):
        raise InvalidRequestError("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
    return values[0]


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


async def parsed(request: Request, charge: Charge, parse: Callable[[bytes], _Parsed]) -> _Parsed:
    """Read the JSON body of a request and return what `parse` makes of it.

    `charge` is resized to the body's bytes while they arrive, and is not released at the end.

    Raises:
        InvalidRequestError: the body is not JSON by its Content-Type, is compressed, or did not
            arrive within `body_timeout_seconds`.
        TooLargeError: it has more than `BODY_BYTES`. The rest is not read.
        OverloadedError: the memory budget has no room for it.
        ClientGoneError: the client disconnected before its end.
        GatewayError: as `parse`.
    """
    context = context_of(request)
    body = await _read(request, charge, context.settings.body_timeout_seconds)
    if len(body) <= _AT_ONCE_BYTES:
        return parse(body)
    return await asyncio.get_running_loop().run_in_executor(context.parser, parse, body)


async def _read(request: Request, charge: Charge, seconds: float) -> bytes:
    kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if kind != "application/json":
        raise InvalidRequestError("Content-Type", "must be application/json")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        # A small compressed body can be of any size when decompressed.
        raise InvalidRequestError("Content-Encoding", "must be identity: bodies are not unpacked")
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > BODY_BYTES:
        raise _too_large()
    body = bytearray()  # A list of parts would cost 40 bytes for each byte that arrives alone.
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                if len(body) + len(part) > BODY_BYTES:
                    raise _too_large()
                charge.resize(len(body) + len(part))
                body += part
    except TimeoutError:
        raise InvalidRequestError("body", f"did not arrive within {seconds:g} seconds") from None
    except ClientDisconnect:
        raise ClientGoneError from None
    return bytes(body)


def _too_large() -> TooLargeError:
    return TooLargeError(f"body: must be at most {BODY_BYTES // 1024**2} MiB")


@contextlib.asynccontextmanager
async def disconnect(request: Request) -> AsyncIterator[asyncio.Task[None]]:
    """Yield a task that is done when the client has disconnected. Read the body first."""
    task = asyncio.create_task(gone(request.receive))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def gone(receive: Receive) -> None:
    """Return when the client has disconnected. Read the body first."""
    while (await receive())["type"] != "http.disconnect":
        pass
