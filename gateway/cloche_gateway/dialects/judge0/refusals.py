"""Errors in the form of Judge0: fields with sentences, or one sentence as `error`."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from starlette.responses import Response

from cloche_gateway import errors
from cloche_gateway.errors import GatewayError
from cloche_gateway.http import error_handlers
from cloche_gateway.http.request import JsonResponse
from cloche_gateway.results import RETRY_AFTER_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

Mistakes = dict[str, list[str]]
"""The sentences of each field of a submission that breaks rules."""

INVALID, BUSY = 422, 503
_KEY_ERRORS = (errors.KeyRequiredError, errors.KeyInvalidError, errors.KeyExpiredError)
_RETRY_AFTER = "Retry-After"
_FIELDS = {
    "code": "source_code",
    "stdin": "stdin",
    "args": "command_line_arguments",
    "files": "additional_files",
    "resources": "memory_limit",
    "timeout": "wall_time_limit",
    "compile_timeout": "wall_time_limit",
}
"""The fields of a submission, by those of `/api/v1/execute` that are made from them."""
_BASE = "base"
"""The name that Judge0 has for what belongs to no field."""


class RefusedError(GatewayError):
    """A request that gets this status code and sentence."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class InvalidSubmissionError(GatewayError):
    """A submission that breaks rules."""

    def __init__(self, mistakes: Mistakes) -> None:
        sentences = (f"{field} {rule}" for field, rules in mistakes.items() for rule in rules)
        super().__init__("; ".join(sentences))
        self.mistakes = mistakes


@contextlib.contextmanager
def creating() -> Iterator[None]:
    """Translate the errors of creating an execution into those of a submission.

    Raises:
        InvalidSubmissionError: a field breaks a rule of Cloche's own API.
        RefusedError: the execution cannot be accepted now.
    """
    try:
        yield
    except (errors.InvalidRequestError, errors.TooLargeError) as error:
        raise InvalidSubmissionError(_mistakes(str(error))) from None
    except errors.BusyError:
        raise RefusedError(BUSY, "queue is full") from None


def _mistakes(message: str) -> Mistakes:
    """Return a message such as `files[0].path: must be …` as the mistake of a submission."""
    place, _, rule = message.partition(": ")
    word = re.match(r"[a-z_]*", place)
    field = _FIELDS.get(word.group() if word else "", _BASE)
    return {field: [rule if place in _FIELDS else message]}


def response(error: GatewayError) -> Response:
    """Return the response to an error."""
    if isinstance(error, InvalidSubmissionError):
        return JsonResponse(error.mistakes, INVALID)
    if isinstance(error, RefusedError):
        headers = {_RETRY_AFTER: str(RETRY_AFTER_SECONDS)} if error.status == BUSY else {}
        return JsonResponse({"error": str(error)}, error.status, headers)
    if isinstance(error, _KEY_ERRORS):
        return Response(status_code=401)
    if isinstance(error, errors.ExecutionNotFoundError):
        return JsonResponse({"status": 404, "error": "Not Found"}, 404)
    plain = error_handlers.answer(error)
    headers = {_RETRY_AFTER: plain.headers[_RETRY_AFTER]} if _RETRY_AFTER in plain.headers else {}
    return JsonResponse({"error": str(error)}, plain.status_code, headers)
