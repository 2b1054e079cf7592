"""Parse request bodies into models, with an error message for each possible mistake.

The functions are pure, and their time and memory are bounded by the body's size (`strict_json`).
They share no state with the event loop, so a body can be parsed in a thread.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from cloche_api import limits
from cloche_gateway.errors import (
    BATCH_ITEMS_MAX,
    BatchTooLargeError,
    GatewayError,
    InvalidRequestError,
    TooLargeError,
)
from cloche_gateway.models import Body, ExecuteRequest, SessionRequest
from cloche_gateway.requests import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

_MAX_NAMED = 5
"""The number of mistakes that an error message lists."""

# Messages for pydantic's error types: https://docs.pydantic.dev/latest/errors/validation_errors/
_RULES = {
    "missing": "is required",
    "extra_forbidden": "unknown field",
    "string_type": "must be a string",
    "string_unicode": "must not contain lone surrogates",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}
_TOO_MANY = "too_long"
_BETWEEN = {
    "ttl_seconds": f"must be between 0 and {limits.TTL_SECONDS_MAX}",
    "timeout": f"must be between 1 and {limits.TIMEOUT_SECONDS_MAX}",
    "idle_timeout": f"must be between 1 and {limits.SESSION_SECONDS_MAX}",
    "lifetime": f"must be between 1 and {limits.SESSION_SECONDS_MAX}",
}
"""Messages for numbers with a lower and an upper bound. They name both."""

_Request = TypeVar("_Request", bound=Body)


def execute_request(body: bytes) -> ExecuteRequest:
    """Parse a request to run a program.

    Raises:
        InvalidRequestError: the body is not valid. The message names the field and the rule.
        TooLargeError: when a list or the environment has too many entries.
    """
    return _request(body, ExecuteRequest)


@dataclass(slots=True)
class BatchItem:
    """One request of a batch: either `request`, or `refused` with the error message.

    `language` and `session_id` are as the client sent them, and are used in the response.

    The message is kept instead of the exception, because the exception's traceback would keep the
    parsed body in memory for as long as the batch runs.
    """

    request: ExecuteRequest | None
    refused: str | None
    language: str | None
    session_id: str | None


def batch(body: bytes) -> list[BatchItem]:
    """Parse a batch. Each request is validated separately; an invalid one does not fail the rest.

    Raises:
        InvalidRequestError: the body is not a list, or is empty.
        BatchTooLargeError: it has more than `BATCH_ITEMS_MAX` requests.
        TooLargeError: it has more names and values than that many requests may have.
    """
    value = strict_json.parse(body, BATCH_ITEMS_MAX)
    if not isinstance(value, list) or not value:
        raise InvalidRequestError("body", f"must be a list of 1 to {BATCH_ITEMS_MAX} requests")
    if len(value) > BATCH_ITEMS_MAX:
        raise BatchTooLargeError
    return [_batch_item(item) for item in value]


def _batch_item(value: Any) -> BatchItem:
    asked = value if isinstance(value, dict) else {}
    words = _word(asked.get("language")), _word(asked.get("session_id"))
    try:
        if strict_json.count(value) > strict_json.VALUES:
            raise strict_json.too_many("the request", strict_json.VALUES)
        return BatchItem(_model(value, ExecuteRequest, "the request"), None, *words)
    except GatewayError as error:
        return BatchItem(None, str(error), *words)


def _word(value: Any) -> str | None:
    return strict_json.shown(value) if isinstance(value, str) else None


def memory_of(value: object) -> int:
    """Return the bytes of memory that a parsed request takes.

    Only strings are counted, which take 1, 2 or 4 bytes per character.
    """
    if isinstance(value, str):
        return sys.getsizeof(value)
    if isinstance(value, BaseModel):
        value = vars(value)
    if isinstance(value, dict):
        return sum(memory_of(key) + memory_of(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(map(memory_of, value))
    return 0


def session_request(body: bytes) -> SessionRequest:
    """Parse a request to create a session.

    Raises:
        InvalidRequestError: the body is not valid. The message names the field and the rule.
    """
    return _request(body, SessionRequest)


def _request(body: bytes, model: type[_Request]) -> _Request:
    return _model(strict_json.parse(body), model, "body")


def _model(value: Any, model: type[_Request], what: str) -> _Request:
    if not isinstance(value, dict):
        raise InvalidRequestError(what, "must be a JSON object")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _words(error.errors(include_url=False, include_input=False)) from None


def _words(details: list[ErrorDetails]) -> GatewayError:
    too_many = [d for d in details if d["type"] == _TOO_MANY]
    if len(too_many) == len(details):
        context = too_many[0]["ctx"]
        return TooLargeError(
            f"{_place(too_many[0]['loc'])}: must have at most {context['max_length']} entries"
        )
    others = [d for d in details if d["type"] != _TOO_MANY]
    sentences = [f"{_place(d['loc'])}: {_rule(d)}" for d in others[:_MAX_NAMED]]
    if len(others) > _MAX_NAMED:
        sentences.append(f"and {len(others) - _MAX_NAMED} more")
    field, rule = "; ".join(sentences).split(": ", 1)
    return InvalidRequestError(field, rule)


def _rule(detail: ErrorDetails) -> str:
    if detail["type"] in ("greater_than_equal", "less_than_equal"):
        return _BETWEEN[str(detail["loc"][-1])]
    known = _RULES.get(detail["type"])
    return known if known is not None else _fallback(detail)


def _fallback(detail: Mapping[str, Any]) -> str:
    message = str(detail["msg"])
    return message[:1].lower() + message[1:]


def _place(location: tuple[int | str, ...]) -> str:
    """Return pydantic's location as a path such as `files[0].path`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += ("." if text else "") + strict_json.shown(part)
    return text or "body"
