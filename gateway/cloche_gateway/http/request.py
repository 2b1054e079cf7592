"""A request: its state, its caller, and what it is charged.

An endpoint declares what it is charged by the type of its parameter `call`. The route class admits
the request before FastAPI does anything else (`http.route`), because a request without a valid key,
or above its rate, must cost little.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic_core import to_json
from starlette.responses import Response

from cloche_gateway.context import Context
from cloche_gateway.errors import RateLimitedError
from cloche_gateway.limits.rates import Kind
from cloche_gateway.requests import mistakes
from cloche_gateway.requests.body import NONE_UNKNOWN, Unknown
from cloche_gateway.services.execution import Origin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.types import Receive

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.http.websocket import WebSocket
    from cloche_gateway.limits.pace import Connection
    from cloche_gateway.limits.rates import Quota


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
    held: Charge | None = None
    """The charge on the memory budget for the body and what is made of it, on a route with one."""
    unknown: Unknown = NONE_UNKNOWN
    """The unknown fields of the body."""
    over_limit: bool = False
    """Whether the request is rejected because of a rate or a number of requests, with a status
    other than 429. Such a response is delayed like a 429."""
    websocket: WebSocket | None = None
    """What the connection becomes if the response has status 101; None if it cannot."""

    def answered(self) -> None:
        """Remove the request from its key's in-flight requests, if it still counts as one."""
        call, self.on_answered = self.on_answered, None
        if call is not None:
            call()


def state_of(scope: Mapping[str, Any]) -> RequestState:
    """Return the state of a request, which the protocol sets as Starlette's `request.state.own`."""
    state: RequestState = scope["state"]["own"]
    return state


class JsonResponse(Response):
    """A JSON response with a final line break, serialised by pydantic-core.

    It serialises half a megabyte in less than a millisecond.
    """

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None,
                 ) -> None:  # fmt: skip
        super().__init__(to_json(content) + b"\n", status_code, headers)


async def context_of(request: Request) -> Context:
    """Return the context that the application was started with."""
    context: Context = request.app.state.context
    return context


InContext = Annotated[Context, Depends(context_of)]
"""The context, as a parameter of an endpoint that needs no API key."""


@contextlib.asynccontextmanager
async def disconnect(receive: Receive) -> AsyncIterator[asyncio.Task[None]]:
    """Yield a task that is done when the client has disconnected. Read the body first."""
    task = asyncio.create_task(gone(receive))
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


_TOKEN = HTTPBearer(description="The API key as a bearer token.", auto_error=False)


class Call:
    """An admitted request, with what its endpoint needs."""

    __slots__ = ("_receive", "context", "state")

    def __init__(self, request: Request) -> None:
        self.context: Context = request.app.state.context
        self.state = state_of(request.scope)
        self._receive = request.receive

    @property
    def caller(self) -> Caller:
        """Return the caller. The request has been admitted."""
        assert self.state.caller is not None, "admitted"
        return self.state.caller

    @property
    def held(self) -> Charge:
        """Return the charge on the memory budget for the body and what is made of it."""
        assert self.state.held is not None, "the route has a body"
        return self.state.held

    def warnings(self, *, strict: bool) -> tuple[str, ...]:
        """Return the warnings of the answer: unknown fields and converted values of the body.

        Raises:
            InvalidRequestError: there are any, and the request is strict.
        """
        if strict and self.state.unknown.needs_leniency:
            raise mistakes.of_body((), self.state.unknown)
        return self.state.unknown.warnings()

    def origin(self, idempotency_key: str | None = None) -> Origin:
        """Return the origin of an execution that this request creates."""
        return Origin(self.caller, self.state.request_id, idempotency_key)

    async def charge(self, kind: Kind, count: int = 1) -> None:
        """Charge `count` requests of a kind. The RateLimit headers will show what is left.

        Raises:
            RateLimitedError: fewer than `count` are left.
            BusyError: as `Rates.charge`.
        """
        quota = await self.context.rates.charge(self.caller, count, kind)
        self.state.quota = quota
        if quota is not None and not quota.passed:
            raise RateLimitedError(quota.reset)

    def disconnect(self) -> contextlib.AbstractAsyncContextManager[asyncio.Task[None]]:
        """Yield a task that is done when the client has disconnected."""
        return disconnect(self._receive)


class Admission(APIKeyHeader):
    """A security scheme that charges requests of a kind, and gives the endpoint its `Call`.

    `per_item`: the body is a list, and each item of it is charged. The route class does that once
    the body is parsed.
    """

    def __init__(self, kind: Kind, *, per_item: bool = False) -> None:
        super().__init__(name="X-API-Key", scheme_name="APIKeyHeader", auto_error=False)
        self.kind = kind
        self.per_item = per_item

    async def admit(self, request: Request) -> Call:
        """Find the caller, count the request as in flight until it is answered, and charge it.

        The key is in the header X-API-Key or, without one, in `Authorization: Bearer`.

        The request is charged before it is validated, so that rejected requests count too.

        Raises:
            KeyRequiredError, KeyInvalidError, KeyExpiredError: as `KeyRing.caller`.
            TooManyAtOnceError: the key has reached its limit of in-flight requests.
            GatewayError: as `Call.charge`.
        """
        call = Call(request)
        call.state.caller = caller = self.caller(call.context, await self.key(request))
        call.context.in_flight.begin(caller)
        call.state.on_answered = functools.partial(call.context.in_flight.end, caller.key)
        if not self.per_item:
            await call.charge(self.kind)
        return call

    async def key(self, request: Request) -> str | None:
        """Return the API key that the request has, if any."""
        key = await super().__call__(request)
        if key is None and (token := await _TOKEN(request)) is not None:
            return token.credentials
        return key

    def caller(self, context: Context, key: str | None) -> Caller:
        """Return the caller with this key.

        Raises:
            KeyRequiredError, KeyInvalidError, KeyExpiredError, BusyError: as `KeyRing.caller`.
        """
        return context.keys.caller(key)

    async def __call__(  # type: ignore[override]  # FastAPI reads the parameters
        self, request: Request, _: Annotated[Any, Security(_TOKEN)]
    ) -> Call:
        """Return the call that `admit` has admitted.

        The token is a parameter only to declare it as the other security scheme.
        """
        return Call(request)


Reading = Annotated[Call, Security(Admission(Kind.READS))]
"""Charged as one read."""
Executing = Annotated[Call, Security(Admission(Kind.EXECUTIONS))]
"""Charged as one execution."""
Batching = Annotated[Call, Security(Admission(Kind.EXECUTIONS, per_item=True))]
"""Charged as one execution for each item of the body, or as one if the body is not valid."""
