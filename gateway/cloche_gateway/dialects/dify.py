"""Dify's sandbox: code and template nodes of workflows.

The contract is that of dify-sandbox 0.2.15: https://github.com/langgenius/dify-sandbox.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, Security
from starlette.responses import Response

from cloche_gateway import errors
from cloche_gateway.dialects.dialect import Dialect
from cloche_gateway.dialects.fields import execute_request, object_of
from cloche_gateway.dialects.outcome import Ending, Outcome, outcome
from cloche_gateway.http.request import Call, JsonResponse
from cloche_gateway.http.route import Later
from cloche_gateway.limits.rates import Kind
from cloche_gateway.services import execution
from cloche_gateway.settings import DialectName

if TYPE_CHECKING:
    from cloche_gateway.models import ExecuteRequest
    from cloche_gateway.services.submission import Plan

_LANGUAGES = {"python3": "python", "nodejs": "javascript"}
_INVALID, _FAILED, _BUSY = -400, -500, -503
_NO_EXIT_CODE = -1
_KEY_ERRORS = (errors.KeyRequiredError, errors.KeyInvalidError, errors.KeyExpiredError)
_BUSY_ERRORS = (
    errors.BusyError,
    errors.DrainingError,
    errors.OverloadedError,
    errors.RateLimitedError,
    errors.TooManyAtOnceError,
)


def _refusal(error: errors.GatewayError) -> Response:
    if isinstance(error, _KEY_ERRORS):
        return Response(status_code=401)
    if isinstance(error, _BUSY_ERRORS):
        return _answer(_BUSY, str(error), status=503)
    if isinstance(error, errors.UnsupportedLanguageError):
        return _answer(_INVALID, "unsupported language", status=400)
    if isinstance(error, errors.InvalidRequestError | errors.TooLargeError):
        return _answer(_INVALID, str(error))
    return _answer(_FAILED, str(error))


DIFY = Dialect(DialectName.DIFY, _refusal)
router = DIFY.router("/v1/sandbox")
Executing = Annotated[Call, Security(DIFY.admission(Kind.EXECUTIONS))]


@router.post("/run")
async def run(call: Executing, body: Annotated[Any, Body()]) -> Response:
    """Run a program. Its timeout is that of the settings."""
    asked = _request(body, call.context.settings.dify_timeout_seconds)
    planned = await execution.plan(call.context, call.origin(), asked, call.held)
    return Later(functools.partial(_run, call, planned))


async def _run(call: Call, planned: Plan) -> Response:
    async with call.disconnect() as gone:
        answer = await execution.execute(call.context, planned, gone)
    return _answer(0, "success", _data(outcome(answer)))


def _request(body: Any, timeout: float) -> ExecuteRequest:
    """Return the request of a body.

    Raises:
        InvalidRequestError: a field is missing or is no string.
        UnsupportedLanguageError: the dialect has no such language.
    """
    given = object_of(body)
    for field in ("language", "code"):
        if not isinstance(given.get(field), str) or not given[field]:
            raise errors.InvalidRequestError(field, "is required, as a string")
    language = _LANGUAGES.get(given["language"])
    if language is None:
        raise errors.UnsupportedLanguageError(given["language"], list(_LANGUAGES))
    return execute_request(code=given["code"], language=language, timeout=timeout)


def _data(ended: Outcome) -> dict[str, Any]:
    """Return the `data` of an answer. Dify takes a node for failed if `error` is not empty."""
    if ended.ending is Ending.TIMED_OUT:
        code, error = _NO_EXIT_CODE, f"process exited with code {_NO_EXIT_CODE}\nerror: timeout\n"
    else:
        code = _NO_EXIT_CODE if ended.exit_code is None else ended.exit_code
        error = f"process exited with code {code}\n" if code else ""
    if error:
        error += ended.stderr
    elif ended.stdout_truncated:  # Dify would otherwise read half of a result.
        error = "output exceeds 256 KiB"
    return {"stdout": ended.stdout, "stderr": ended.stderr, "error": error, "exit_code": code}


def _answer(code: int, message: str, data: Any = None, *, status: int = 200) -> Response:
    return JsonResponse({"code": code, "message": message, "data": data}, status)
