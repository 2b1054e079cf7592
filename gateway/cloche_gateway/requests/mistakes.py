"""Error messages for what pydantic rejects in a request, and for unknown fields if it is strict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cloche_api import limits
from cloche_gateway.errors import (
    BATCH_ITEMS_MAX,
    BatchTooLargeError,
    GatewayError,
    InvalidRequestError,
    TooLargeError,
)
from cloche_gateway.requests import queries
from cloche_gateway.requests.body import (
    LONE_SURROGATES,
    MAX_WARNINGS,
    NONE_UNKNOWN,
    UNKNOWN_RULE,
    in_body,
    path_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloche_gateway.requests.body import Unknown

_MAX_NAMED = 5
"""The number of mistakes that an error message lists."""

# Messages for pydantic's error types: https://docs.pydantic.dev/latest/errors/validation_errors/
_RULES = {
    "missing": "is required",
    "string_type": "must be a string",
    "string_unicode": LONE_SURROGATES,
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}
_OF_BODY = {
    "list_type": f"must be a list of 1 to {BATCH_ITEMS_MAX} requests",
    "too_short": f"must be a list of 1 to {BATCH_ITEMS_MAX} requests",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
}
"""Messages for mistakes of the body itself instead of one of its fields."""
_TOO_MANY = "too_long"
_TIMEOUT = f"must be between {limits.TIMEOUT_SECONDS_MIN} and {limits.TIMEOUT_SECONDS_MAX}"
_BETWEEN = {
    "ttl_seconds": f"must be between 0 and {limits.TTL_SECONDS_MAX}",
    "timeout": _TIMEOUT,
    "compile_timeout": _TIMEOUT,
    "idle_timeout": f"must be between 1 and {limits.SESSION_SECONDS_MAX}",
    "lifetime": f"must be between 1 and {limits.SESSION_SECONDS_MAX}",
}
"""Messages for numbers with a lower and an upper bound. They name both."""


def of_body(
    details: Sequence[Mapping[str, Any]], unknown: Unknown = NONE_UNKNOWN, what: str = "body"
) -> GatewayError:
    """Return the error that names up to five mistakes of a body, with their fields and rules.

    `details` are those of a ValidationError of pydantic or FastAPI. `what` names the body in
    messages.

    Unknown fields are named at the end: one of them may be a misspelled required field. Values that
    were converted are named only if `details` is empty, because the request is strict.
    """
    many = [detail for detail in details if detail["type"] == _TOO_MANY]
    if many and len(many) == len(details):
        return _too_many(many[0])
    sentences = [_sentence(d, what) for d in details if d["type"] != _TOO_MANY][:_MAX_NAMED]
    converted = 0 if details else unknown.conversions
    sentences += unknown.converted[: min(converted, _MAX_NAMED)]
    sentences += [f"{one}: {UNKNOWN_RULE}" for one in unknown.named][: _MAX_NAMED - len(sentences)]
    more = len(details) - len(many) + converted + unknown.count - len(sentences)
    return _joined([*sentences, f"and {more} more"] if more else sentences)


def noted(converted: Sequence[Mapping[str, Any]], unknown: Unknown) -> Unknown:
    """Return `unknown` with the values that were converted, given as their mistakes."""
    named = tuple(_sentence(detail, "body") for detail in converted[:MAX_WARNINGS])
    return replace(unknown, converted=named, conversions=len(converted))


def of_parameters(details: Sequence[Mapping[str, Any]]) -> GatewayError:
    """Return the error that names all mistakes of query parameters and headers."""
    names = (detail["loc"][1] for detail in details)
    return _joined([f"{name}: {queries.RULES[name]}" for name in names])


def _joined(sentences: list[str]) -> InvalidRequestError:
    field, rule = "; ".join(sentences).split(": ", 1)
    return InvalidRequestError(field, rule)


def _too_many(detail: Mapping[str, Any]) -> GatewayError:
    field = path_of(in_body(detail["loc"]))
    if not field:
        return BatchTooLargeError()
    return TooLargeError(f"{field}: must have at most {detail['ctx']['max_length']} entries")


def _sentence(detail: Mapping[str, Any], what: str) -> str:
    location, kind = detail["loc"], detail["type"]
    field = path_of(in_body(location))
    if not field and kind in _OF_BODY:
        return f"{what}: {_OF_BODY[kind]}"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"{field}: {_BETWEEN[location[-1]]}"
    return f"{field or what}: {_RULES.get(kind) or _fallback(detail)}"


def _fallback(detail: Mapping[str, Any]) -> str:
    message = str(detail["msg"])
    return message[:1].lower() + message[1:]
