"""Map errors to HTTP responses. `TABLE` is the only place that assigns status codes to them."""

from __future__ import annotations

import json
import logging
import uuid
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from cloche_gateway import errors
from cloche_gateway.errors import ExecutionError, GatewayError
from cloche_gateway.http.headers import SECURITY
from cloche_gateway.http.request import JsonResponse
from cloche_gateway.requests import mistakes
from cloche_gateway.results import RETRY_AFTER_SECONDS

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

_log = logging.getLogger(__name__)

_SECURITY_LINES = b"".join(b"%s: %s\r\n" % one for one in SECURITY)
_RETRY = {"Retry-After": str(RETRY_AFTER_SECONDS)}

TABLE: dict[type[GatewayError], tuple[int, dict[str, str]]] = {
    errors.InvalidRequestError: (400, {}),
    errors.UnsupportedMediaTypeError: (400, {}),
    errors.UnsupportedLanguageError: (400, {}),
    errors.BatchTooLargeError: (400, {}),
    errors.SessionFilesError: (400, {}),
    errors.KeyRequiredError: (401, {"WWW-Authenticate": "ApiKey"}),
    errors.KeyInvalidError: (403, {}),
    errors.KeyExpiredError: (403, {}),
    errors.ExecutionNotFoundError: (404, {}),
    errors.LanguageNotFoundError: (404, {}),
    errors.SessionNotFoundError: (404, {}),
    errors.SessionFileNotFoundError: (404, {}),
    errors.KeyReusedError: (409, {}),
    errors.RejectedError: (409, {}),
    errors.RecordRemovedError: (410, {}),
    errors.StillRunningError: (409, {}),
    errors.TooLargeError: (413, {}),
    errors.RateLimitedError: (429, {}),
    errors.WriteLimitedError: (429, {}),
    errors.TooManyAtOnceError: (429, _RETRY),
    errors.ClientGoneError: (499, {}),  # only for the log; the code is nginx's
    errors.FailedError: (500, {}),
    errors.SessionFailedError: (500, {}),
    errors.BusyError: (503, _RETRY),
    errors.DrainingError: (503, _RETRY),
    errors.OverloadedError: (503, _RETRY),
    GatewayError: (500, {}),
}


def answer(error: Exception) -> Response:
    """Return the response to a GatewayError, with its message as `detail`."""
    kind = next(kind for kind in type(error).__mro__ if kind in TABLE)
    status, headers = TABLE[kind]
    body: dict[str, Any] = {"detail": str(error)}
    if isinstance(error, ExecutionError) and error.execution_id is not None:
        body["execution_id"] = error.execution_id
    if isinstance(error, errors.RateLimitedError):
        headers = {"Retry-After": str(max(1, error.reset))}
    return JsonResponse(body, status, headers)


async def of_gateway_error(_: Request, error: Exception) -> Response:
    """Return the response to a GatewayError, as an exception handler of the application."""
    return answer(error)


async def _of_http_exception(_: Request, error: Exception) -> Response:
    """Return the response when no route matches."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if "GET" in headers.get("Allow", ""):
        headers["Allow"] += ", HEAD"
    return JsonResponse({"detail": error.detail}, error.status_code, headers)


async def _of_validation_error(_: Request, error: Exception) -> Response:
    """Return the response when FastAPI finds that a parameter is not valid."""
    assert isinstance(error, RequestValidationError)
    return answer(mistakes.of_parameters(error.errors()))


async def of_bug(_: Request, error: Exception) -> Response:
    """Log an unexpected exception and return 500."""
    _log.error("unhandled exception", exc_info=error)
    return JsonResponse({"detail": "Execution failed: internal error of the gateway"}, 500)


def install(app: FastAPI) -> None:
    """Register the exception handlers of this module."""
    app.add_exception_handler(GatewayError, of_gateway_error)
    app.add_exception_handler(HTTPException, _of_http_exception)
    app.add_exception_handler(RequestValidationError, _of_validation_error)
    app.add_exception_handler(Exception, of_bug)


def refusal(status: bytes, detail: str, lines: bytes = b"") -> bytes:
    """Return the bytes of a complete response to a request that does not reach a route.

    The response has `connection: close`. `status` is the code and phrase, such as
    `400 Bad Request`. `lines` are additional headers, each with CRLF.
    """
    body = json.dumps({"detail": detail}).encode()
    head = (
        b"content-type: application/json\r\n"
        b"content-length: %d\r\n"
        b"x-request-id: %s\r\n"
        b"connection: close\r\n" % (len(body), str(uuid.uuid4()).encode())
    )
    return b"".join((b"HTTP/1.1 ", status, b"\r\n", head, lines, _SECURITY_LINES, b"\r\n", body))
