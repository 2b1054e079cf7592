"""What the routes of Piston have in common: where the API key is, and the form of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Security

from cloche_gateway import errors
from cloche_gateway.dialects.dialect import Dialect
from cloche_gateway.errors import GatewayError
from cloche_gateway.http import error_handlers
from cloche_gateway.http.request import Call, JsonResponse
from cloche_gateway.http.route import JSON, BodyFormat
from cloche_gateway.limits.rates import Kind
from cloche_gateway.settings import DialectName

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PREFIX = "/api/v2"
PUBLIC = "/piston"
"""Between the prefix and a route in the public installation of Piston, whose clients have it."""
_KEY_ERRORS = (errors.KeyRequiredError, errors.KeyInvalidError, errors.KeyExpiredError)
_KEPT = ("retry-after", "www-authenticate")
_NOT_JSON = "requests must be of type application/json"


class MistakeError(GatewayError):
    """A mistake in a request. The message is in Piston's words, because clients compare them."""


def refusal(error: GatewayError) -> Response:
    """Return the response to an error: `message` instead of `detail`, and Piston's status codes."""
    usual = error_handlers.answer(error)
    status, message = usual.status_code, str(error)
    if isinstance(error, MistakeError):
        status = 400
    elif isinstance(error, errors.UnsupportedMediaTypeError):
        status, message = 415, _NOT_JSON
    elif isinstance(error, _KEY_ERRORS):
        status = 401
    headers = {name: usual.headers[name] for name in _KEPT if name in usual.headers}
    return JsonResponse({"message": message}, status, headers)


def _key(request: Request) -> str | None:
    """Return the header Authorization without a scheme, as clients of the public Piston send it."""
    value: str = request.headers.get("authorization", "").strip()
    return value if value and " " not in value else None


PISTON = Dialect(
    DialectName.PISTON,
    refusal,
    _key,
    # node-fetch, and so the package piston-client, sends JSON as text/plain.
    BodyFormat((*JSON.media_types, "text/plain"), JSON.parse),
)
Reading = Annotated[Call, Security(PISTON.admission(Kind.READS))]
Executing = Annotated[Call, Security(PISTON.admission(Kind.EXECUTIONS))]
