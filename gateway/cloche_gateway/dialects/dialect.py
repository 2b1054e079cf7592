"""What the dialects share: how their routes find the API key, read bodies and report errors.

A dialect is the API of another system. Its requests pass the same checks, limits and services as
those of `/api/v1`, and differ in three ways: they may have the key in another header, their bodies
and queries may have unknown fields, and errors have the dialect's own form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi import APIRouter

from cloche_gateway.errors import (
    ClientGoneError,
    GatewayError,
    RateLimitedError,
    TooManyAtOnceError,
)
from cloche_gateway.http.request import Admission, state_of
from cloche_gateway.http.route import JSON, BodyFormat, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request
    from starlette.responses import Response

    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.context import Context
    from cloche_gateway.limits.rates import Kind
    from cloche_gateway.settings import DialectName


def _nowhere(request: Request) -> str | None:  # noqa: ARG001  a default for Dialect.key
    return None


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect: its name, and what all of its routes have in common."""

    name: DialectName
    refusal: Callable[[GatewayError], Response]
    """Returns the response to an error, in the form in which the dialect's clients expect it."""
    key: Callable[[Request], str | None] = _nowhere
    """Returns the API key from where only this dialect has it. The headers X-API-Key and
    `Authorization: Bearer` are looked at first."""
    body_format: BodyFormat = JSON

    def admission(self, kind: Kind, *, per_item: bool = False) -> DialectAdmission:
        """Return what admits a request, for `Security(…)` in the type of an endpoint's `call`."""
        return DialectAdmission(self, kind, per_item=per_item)

    def router(self, prefix: str = "") -> APIRouter:
        """Return a router for the dialect's routes."""
        return APIRouter(prefix=prefix, route_class=DialectRoute, include_in_schema=False)


class DialectAdmission(Admission):
    """An admission that also finds the key where the dialect has it.

    A request without a key gets the rights of the key that the setting `keyless` names for the
    dialect, if any.
    """

    def __init__(self, dialect: Dialect, kind: Kind, *, per_item: bool = False) -> None:
        super().__init__(kind, per_item=per_item)
        self.dialect = dialect

    async def key(self, request: Request) -> str | None:
        """As `Admission.key`."""
        return await super().key(request) or self.dialect.key(request)

    def caller(self, context: Context, key: str | None) -> Caller:
        """As `Admission.caller`."""
        name = context.settings.keyless.get(self.dialect.name)
        if not key and name is not None:
            return context.keys.named(name)
        return super().caller(context, key)


class DialectRoute(Route):
    """A route whose errors have the dialect's form. Each has an admission."""

    strict_query: ClassVar[bool] = False

    @property
    def dialect(self) -> Dialect:
        """The route's dialect."""
        admission = self.admission
        assert isinstance(admission, DialectAdmission), "each route of a dialect has an admission"
        return admission.dialect

    @property
    def body_format(self) -> BodyFormat:
        """The format of the body."""
        return self.dialect.body_format

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with errors in the dialect's form."""
        handle = super().get_route_handler()
        refusal = self.dialect.refusal

        async def translated(request: Request) -> Response:
            try:
                return await handle(request)
            except ClientGoneError:
                raise
            except GatewayError as error:
                over_limit = isinstance(error, RateLimitedError | TooManyAtOnceError)
                state_of(request.scope).over_limit = over_limit
                return refusal(error)

        return translated
