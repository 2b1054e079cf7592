"""Dify's sandbox: code and template nodes of workflows.

The contract is that of dify-sandbox 0.2.15: https://github.com/langgenius/dify-sandbox.

`preload` and `enable_network` of a request are ignored: a program has no network, and what Dify
preloads is only needed before the original restricts its process.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, Security
from starlette.responses import Response

from cloche_gateway import errors
from cloche_gateway.dialects.dialect import Dialect
from cloche_gateway.dialects.fields import execute_request, object_of
from cloche_gateway.dialects.forms import JSON_OR_FORM
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
_DEPENDENCIES = """\
import importlib.metadata, json
found = {one.name: one.version for one in importlib.metadata.distributions()}
print(json.dumps([{"name": name, "version": found[name]} for name in sorted(found)]))
"""
"""Prints the packages of the image, which only the image knows."""
_KEY_ERRORS = (errors.KeyRequiredError, errors.KeyInvalidError, errors.KeyExpiredError)
_BUSY_ERRORS = (
    errors.BusyError,
    errors.DrainingError,
    errors.OverloadedError,
    errors.RateLimitedError,
    errors.TooManyAtOnceError,
)


def _refusal(error: errors.GatewayError) -> Response:
    """Return the response to an error.

    A mistake of the client is a 200, because Dify shows the message of a 200 only. The original
    does the same, except for a body that is not JSON.
    """
    if isinstance(error, _KEY_ERRORS):
        return Response(status_code=401)
    if isinstance(error, _BUSY_ERRORS):
        return _answer(_BUSY, str(error), status=503)
    if isinstance(error, errors.UnsupportedLanguageError):
        return _answer(_INVALID, "unsupported language", status=400)
    if isinstance(error, errors.InvalidRequestError | errors.TooLargeError):
        return _answer(_INVALID, str(error))
    return _answer(_FAILED, str(error))


DIFY = Dialect(DialectName.DIFY, _refusal, body_format=JSON_OR_FORM)
router = DIFY.router("/v1/sandbox")
Executing = Annotated[Call, Security(DIFY.admission(Kind.EXECUTIONS))]


@router.post("/run")
async def run(call: Executing, body: Annotated[Any, Body()]) -> Response:
    """Run a program. Its timeout is that of the settings."""
    asked = _request(body, call.context.settings.dify_timeout_seconds)
    planned = await execution.plan(call.context, call.origin(), asked, call.held)
    return Later(functools.partial(_run, call, planned))


@router.get("/dependencies")
@router.get("/dependencies/refresh")
async def dependencies(call: Executing, language: str = "") -> Response:
    """Return the packages of the Python image. A program lists them, so this is an execution."""
    return await _dependencies(call, language)


@router.post("/dependencies/update")
async def update(call: Executing, body: Annotated[Any, Body()]) -> Response:
    """Return the packages as they are, because images do not change."""
    return Later(functools.partial(_dependencies, call, _text(object_of(body), "language")))


async def _run(call: Call, planned: Plan) -> Response:
    async with call.disconnect() as gone:
        answer = await execution.execute(call.context, planned, gone)
    return _answer(0, "success", _data(outcome(answer)))


async def _dependencies(call: Call, language: str) -> Response:
    """Return the response with the packages of the image.

    Raises:
        InvalidRequestError: there is no language.
        UnsupportedLanguageError: it is not Python.
        FailedError: the program that lists them failed.
        GatewayError: as `execution.plan` and `execution.execute`.
    """
    if not language:
        raise errors.InvalidRequestError("language", "is required")
    if _LANGUAGES.get(language) != "python":
        raise errors.UnsupportedLanguageError(language, ["python3"])
    asked = execute_request(code=_DEPENDENCIES, language="python", ttl_seconds=0)
    context = call.context
    with context.budget.charged(call.caller.tenant) as held:
        planned = await execution.plan(context, call.origin(), asked, held)
        async with call.disconnect() as gone:
            ended = outcome(await execution.execute(context, planned, gone))
    try:
        found = json.loads(ended.stdout)
    except ValueError:  # The program failed.
        raise errors.FailedError("the packages could not be listed", ended.execution_id) from None
    return _answer(0, "success", {"dependencies": found})


def _request(body: Any, timeout: float) -> ExecuteRequest:
    """Return the request of a body.

    Raises:
        InvalidRequestError: a field is missing or is no string.
        UnsupportedLanguageError: the dialect has no such language.
    """
    given = object_of(body)
    language, code = _text(given, "language"), _text(given, "code")
    if language not in _LANGUAGES:
        raise errors.UnsupportedLanguageError(language, list(_LANGUAGES))
    return execute_request(code=code, language=_LANGUAGES[language], timeout=timeout)


def _text(given: Any, field: str) -> str:
    """Return a required field. An empty text counts as absent, as in the original."""
    value = given.get(field)
    if not isinstance(value, str) or not value:
        raise errors.InvalidRequestError(field, "is required, as a string")
    return value


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
