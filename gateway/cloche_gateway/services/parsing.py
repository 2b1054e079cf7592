"""From the body's bytes to an `ExecuteRequest`, with words for all that may be wrong with it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import ValidationError

from cloche_api import limits
from cloche_gateway.errors import (
    BATCH_ITEMS_MAX,
    BatchTooLargeError,
    GatewayError,
    InvalidRequestError,
    TooLargeError,
)
from cloche_gateway.feeds import Position
from cloche_gateway.models import Body, ExecuteRequest, SessionRequest
from cloche_gateway.services.listing import Query, parse_cursor
from cloche_gateway.services.validation import SESSION_ID_RULE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

_MAX_NAMED = 5
"""More mistakes than that are not listed."""
_NAME_CHARACTERS = 100

# pydantic's error types (https://docs.pydantic.dev/latest/errors/validation_errors/) in words.
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
    "timeout": f"must be between 1 and {limits.TIMEOUT_SECONDS_MAX}",
    "idle_timeout": f"must be between 1 and {limits.SESSION_SECONDS_MAX}",
    "lifetime": f"must be between 1 and {limits.SESSION_SECONDS_MAX}",
}
"""Of numbers with two bounds, both are told."""

LIST_LIMIT, LIST_LIMIT_MAX = 50, 200
_LIMIT = re.compile(r"[0-9]{1,4}")
_LISTING = ("limit", "language", "status", "session_id", "cursor")
STATUSES = ("pending", "running", "completed", "failed", "cancelled")

WAIT_SECONDS_MAX = 60.0
"""Less than what proxies wait for an answer as a rule."""
_SECONDS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?")

_Request = TypeVar("_Request", bound=Body)


def execute_request(body: bytes) -> ExecuteRequest:
    """Read one request to run a program.

    Raises:
        InvalidRequestError: names the field and the rule.
        TooLargeError: when a list or the environment has too many entries.
    """
    return _request(body, ExecuteRequest)


def listing(query: Mapping[str, str]) -> Query:
    """Which executions are to be listed.

    Raises:
        InvalidRequestError: names the parameter and the rule.
    """
    for name in query:
        if name not in _LISTING:
            raise InvalidRequestError(name[:_NAME_CHARACTERS], "unknown parameter")
    limit = query.get("limit", str(LIST_LIMIT))
    if not _LIMIT.fullmatch(limit) or not 1 <= int(limit) <= LIST_LIMIT_MAX:
        raise InvalidRequestError("limit", f"must be between 1 and {LIST_LIMIT_MAX}")
    status = query.get("status")
    if status is not None and status not in STATUSES:
        raise InvalidRequestError("status", f"must be one of {', '.join(STATUSES)}")
    session = query.get("session_id")
    if session is not None and not re.fullmatch(limits.LABEL_VALUE.rstrip("$"), session):
        raise InvalidRequestError("session_id", SESSION_ID_RULE)
    cursor = query.get("cursor")
    after = parse_cursor(cursor) if cursor is not None else None
    return Query(int(limit), query.get("language"), status, session, after)


def position(last_event_id: str | None) -> Position:
    """Where an event stream is to go on.

    Raises:
        InvalidRequestError: it is no id of an event of ours.
    """
    if not last_event_id:
        return Position()
    found = Position.parse(last_event_id)
    if found is None:
        raise InvalidRequestError("Last-Event-ID", "must be the id of an event")
    return found


def batch(body: bytes) -> list[Any]:
    """Read a batch: its requests as they came, for each to be judged by itself.

    Raises:
        InvalidRequestError: it is no list, or an empty one.
        BatchTooLargeError: it has too many.
    """
    value = _json(body)
    if not isinstance(value, list) or not value:
        raise InvalidRequestError("body", f"must be a list of 1 to {BATCH_ITEMS_MAX} requests")
    if len(value) > BATCH_ITEMS_MAX:
        raise BatchTooLargeError
    return value


def batch_item(value: Any) -> ExecuteRequest:
    """One request of a batch.

    Raises:
        InvalidRequestError, TooLargeError: as `execute_request`.
    """
    return _model(value, ExecuteRequest, "the request")


def session_request(body: bytes) -> SessionRequest:
    """Read one request for a session.

    Raises:
        InvalidRequestError: names the field and the rule.
    """
    return _request(body, SessionRequest)


def wait_seconds(text: str | None) -> float:
    """The seconds of `?wait=`, 0 when it is absent.

    Raises:
        InvalidRequestError: when it is no number within its bounds.
    """
    if text is None:
        return 0.0
    if not _SECONDS.fullmatch(text) or float(text) > WAIT_SECONDS_MAX:
        rule = f"must be a number of seconds between 0 and {WAIT_SECONDS_MAX:g}"
        raise InvalidRequestError("wait", rule)
    return float(text)


def _request(body: bytes, model: type[_Request]) -> _Request:
    return _model(_json(body), model, "body")


def _model(value: Any, model: type[_Request], what: str) -> _Request:
    if not isinstance(value, dict):
        raise InvalidRequestError(what, "must be a JSON object")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _words(error.errors(include_url=False, include_input=False)) from None


def _json(body: bytes) -> Any:
    """Parse strictly: UTF-8, no NaN, no name twice."""
    if not body.strip():
        raise InvalidRequestError("body", "must be a JSON object, but is empty")
    try:
        return json.loads(
            body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_twins
        )
    except UnicodeDecodeError:
        rule = "must be UTF-8"
    except json.JSONDecodeError as error:
        rule = f"is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}"
    except RecursionError:
        rule = "is nested too deeply"
    except ValueError:  # Python's limit on the digits of an integer
        rule = "is not valid JSON: a number has too many digits"
    raise InvalidRequestError("body", rule)


def _no_constant(constant: str) -> NoReturn:
    raise InvalidRequestError("body", f"is not valid JSON: {constant} is no JSON number")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, unless a name stands in it twice: then nobody knows which was meant."""
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twin = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # add returns None: the idiom
        raise InvalidRequestError(_shown(twin), "is given twice")
    return made


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
    """`files[0].path`, as people write it."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += ("." if text else "") + _shown(part)
    return text or "body"


def _shown(name: str) -> str:
    """A name that the client chose, not too long."""
    return name if len(name) <= _NAME_CHARACTERS else name[:_NAME_CHARACTERS] + "…"
