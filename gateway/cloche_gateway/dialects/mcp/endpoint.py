"""The endpoint `/mcp`: one message in each POST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Body, Request, Security
from starlette.responses import Response

from cloche_gateway import errors
from cloche_gateway.dialects.dialect import Dialect, DialectAdmission
from cloche_gateway.dialects.mcp import methods, versions, wire
from cloche_gateway.dialects.mcp.versions import Era
from cloche_gateway.dialects.mcp.wire import Code, ProtocolError, Reply, RequestId
from cloche_gateway.http import error_handlers
from cloche_gateway.http.request import Call
from cloche_gateway.http.route import BodyFormat
from cloche_gateway.limits.rates import Kind
from cloche_gateway.requests import body as bodies
from cloche_gateway.settings import DialectName

_KEY_ERRORS = (errors.KeyRequiredError, errors.KeyInvalidError, errors.KeyExpiredError)
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
"""Without metadata of an authorization server: there is none, so clients must have a key."""
_UNAUTHORIZED, _UNSUPPORTED_MEDIA_TYPE, _SERVER_ERRORS = 401, 415, 500


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A parsed body. FastAPI would take a body that is null for a missing one."""

    value: Any


def _parse(raw: bytes, content_type: str, requests: int) -> _Parsed:  # noqa: ARG001  a BodyFormat
    try:
        return _Parsed(bodies.parse(raw, requests))
    except errors.InvalidRequestError as error:
        raise ProtocolError(Code.PARSE_ERROR, f"Parse error: {error}", status=400) from None


def _refusal(error: errors.GatewayError, request: RequestId | None = None) -> Response:
    """Return the response to an error. `request` is the id of the request, if it is known."""
    if isinstance(error, ProtocolError):
        error.id = error.id if request is None else request
        return wire.refused(error)
    usual = error_handlers.answer(error)
    status, headers = usual.status_code, _retry_after(usual)
    if isinstance(error, _KEY_ERRORS):
        status, headers = _UNAUTHORIZED, _CHALLENGE
    elif isinstance(error, errors.UnsupportedMediaTypeError):
        status = _UNSUPPORTED_MEDIA_TYPE
    code = Code.INTERNAL_ERROR if status >= _SERVER_ERRORS else Code.INVALID_REQUEST
    refused = ProtocolError(code, str(error), status=status)
    refused.id = request
    return wire.refused(refused, headers)


def _retry_after(response: Response) -> dict[str, str]:
    seconds = response.headers.get("Retry-After")
    return {} if seconds is None else {"Retry-After": seconds}


class _Admission(DialectAdmission):
    """An admission that rejects pages of origins that are not allowed.

    A page could otherwise use a gateway that only its user reaches, by a name that leads there.
    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http.

    Each message is charged as a read before its body is read, because only the body has the method.
    A call that starts a program or a session is charged as an execution in addition.
    """

    async def admit(self, request: Request) -> Call:
        """As `Admission.admit`.

        Raises:
            ProtocolError: the page's origin is not one of `cors_origins`.
        """
        allowed = request.app.state.context.settings.cors_origins
        for origin in request.headers.getlist("origin"):
            if "*" not in allowed and origin not in allowed:
                rule = "Origin: must be one of the gateway's CORS_ORIGINS, if it is sent"
                raise ProtocolError(Code.INVALID_REQUEST, rule, status=403)
        return await super().admit(request)


MCP = Dialect(DialectName.MCP, _refusal, body_format=BodyFormat(("application/json",), _parse))
router = MCP.router()
Messaging = Annotated[Call, Security(_Admission(MCP, Kind.READS))]


@router.post("/mcp")
async def post(request: Request, call: Messaging, body: Annotated[Any, Body()]) -> Response:
    """Return the response to a message: a result, an error, or a stream that ends with one.

    A notification has no response. There are none that change anything, because the server keeps no
    state between messages.
    """
    received = wire.parsed(body.value)
    if isinstance(received, Reply):
        if versions.era_of_headers(request.headers) is Era.MODERN:
            rule = "Invalid request: the server sends no requests to which a client could respond"
            raise ProtocolError(Code.INVALID_REQUEST, rule, status=400)
        return Response(status_code=202)
    if received.id is None:
        return Response(status_code=202)
    try:
        return await methods.answer(call, received, request.headers)
    except errors.GatewayError as error:
        return _refusal(error, received.id)
