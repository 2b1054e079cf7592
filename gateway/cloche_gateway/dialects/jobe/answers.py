"""The dialect, and its responses to errors: a sentence as a JSON string."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_gateway import errors
from cloche_gateway.dialects.dialect import Dialect
from cloche_gateway.http.request import JsonResponse
from cloche_gateway.settings import DialectName

if TYPE_CHECKING:
    from starlette.responses import Response

PREFIX = "/jobe/index.php/restapi"
OVERLOADED = 21
_KEY_ERRORS = (errors.KeyInvalidError, errors.KeyExpiredError)
_BUSY_ERRORS = (
    errors.BusyError,
    errors.DrainingError,
    errors.OverloadedError,
    errors.TooManyAtOnceError,
)


class MistakeError(errors.GatewayError):
    """The request breaks a rule. The message is a sentence as in the original."""


class FileMissingError(errors.GatewayError):
    """A run needs a file that is not kept. The client then uploads it and repeats the request."""

    def __init__(self) -> None:
        super().__init__("One or more of the specified files is missing/unavailable")


_MISTAKES = (MistakeError, errors.InvalidRequestError, errors.TooLargeError)


def result(outcome: int, *, compiler: str = "", stdout: str = "", stderr: str = "") -> Response:
    """Return the response to a run."""
    return JsonResponse(
        {
            "run_id": None,
            "outcome": outcome,
            "cmpinfo": compiler,
            "stdout": stdout,
            "stderr": stderr,
        }
    )


def refusal(error: errors.GatewayError) -> Response:
    """Return the response to an error.

    CodeRunner shows the sentence of a 400, takes a 403 for a wrong key, and uploads files after a
    404. It does not count what else fails against the student.
    """
    status, text = 500, f"Server exception ({error})"
    if isinstance(error, errors.KeyRequiredError):
        status, text = 403, "Missing API key"
    elif isinstance(error, _KEY_ERRORS):
        status, text = 403, "Unknown API key"
    elif isinstance(error, errors.RateLimitedError):
        status, text = 429, "Max RUN rate for this server exceeded"
    elif isinstance(error, FileMissingError):
        status, text = 404, str(error)
    elif isinstance(error, _MISTAKES):
        status, text = 400, str(error)
    elif isinstance(error, _BUSY_ERRORS):
        status, text = 503, str(error)
    return JsonResponse(text, status)


def _refusal_of_run(error: errors.GatewayError) -> Response:
    """Return the response to an error of a run. That the server is busy is an outcome."""
    return result(OVERLOADED) if isinstance(error, _BUSY_ERRORS) else refusal(error)


JOBE = Dialect(DialectName.JOBE, refusal)
RUNS = Dialect(DialectName.JOBE, _refusal_of_run)
