"""Parse request bodies into models, with an error message for each possible mistake.

The functions are pure and share no state with the event loop, so a body can be parsed in a thread.

Their time and memory are bounded by the body's size. A body of 4 MiB can hold 1.4 million objects,
half a million names or a number of 4 million digits, and each of them costs far more than the bytes
it was sent in. So the body is checked before it is parsed: its strings are cut out, and the
structural characters of the rest are counted. Only a body within the bounds is parsed. The checks
take linear time and run in C functions of the interpreter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from cloche_gateway.errors import (
    BATCH_ITEMS_MAX,
    BatchTooLargeError,
    GatewayError,
    InvalidRequestError,
    TooLargeError,
    shown,
)
from cloche_gateway.models import ExecuteRequest, SessionRequest
from cloche_gateway.requests import validation

VALUES = 4096
"""Names and values in one request. A request with each field at its limit has about 900."""
DEPTH = 32
"""Nesting depth of objects and lists. A valid request has at most four."""
NUMBER_CHARACTERS = 400
"""Length of one number. The largest double has 309 digits. The time to parse a number grows with
the square of its digits."""
_PREFIX_BYTES = 16 * 1024
_MARKS, _ENDS, _SPACE = (b",", b":", b"{", b"["), (b"}", b"]"), b" \t\r\n"
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_SEPARATED = bytes.maketrans(b",:{}[]", b" " * 6)


def execute_request(body: bytes, *, strict: bool = False) -> tuple[ExecuteRequest, tuple[str, ...]]:
    """Parse a request to run a program. Return it and the warnings, as `validation.model`.

    Raises:
        InvalidRequestError: the body is not valid. The message names the field and the rule.
        TooLargeError: when a list or the environment has too many entries.
    """
    return validation.model(parse(body), ExecuteRequest, "body", strict=strict)


def session_request(body: bytes, *, strict: bool = False) -> tuple[SessionRequest, tuple[str, ...]]:
    """Parse a request to create a session. Return it and the warnings, as `validation.model`.

    Raises:
        InvalidRequestError: the body is not valid. The message names the field and the rule.
    """
    return validation.model(parse(body), SessionRequest, "body", strict=strict)


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
    warnings: tuple[str, ...] = ()


def batch(body: bytes, *, strict: bool = False) -> list[BatchItem]:
    """Parse a batch. Each request is validated separately; an invalid one does not fail the rest.

    If `strict`, a request with unknown fields is invalid.

    Raises:
        InvalidRequestError: the body is not a list, or is empty.
        BatchTooLargeError: it has more than `BATCH_ITEMS_MAX` requests.
        TooLargeError: it has more names and values than that many requests may have.
    """
    value = parse(body, BATCH_ITEMS_MAX)
    if not isinstance(value, list) or not value:
        raise InvalidRequestError("body", f"must be a list of 1 to {BATCH_ITEMS_MAX} requests")
    if len(value) > BATCH_ITEMS_MAX:
        raise BatchTooLargeError
    return [_batch_item(item, strict=strict) for item in value]


def _batch_item(value: Any, *, strict: bool) -> BatchItem:
    asked = value if isinstance(value, dict) else {}
    words = _word(asked.get("language")), _word(asked.get("session_id"))
    try:
        if count(value) > VALUES:
            raise too_many("the request", VALUES)
        request, warnings = validation.model(value, ExecuteRequest, "the request", strict=strict)
        return BatchItem(request, None, *words, warnings)
    except GatewayError as error:
        return BatchItem(None, str(error), *words)


def _word(value: Any) -> str | None:
    return shown(value) if isinstance(value, str) else None


def parse(body: bytes, requests: int = 1) -> Any:
    """Return the JSON value of a body that holds up to this number of requests.

    The body must be UTF-8. NaN, infinities and duplicate names in an object are rejected.

    Raises:
        InvalidRequestError: the body is not such JSON, is nested more than `DEPTH` deep, or has a
            number of more than `NUMBER_CHARACTERS`.
        TooLargeError: it has more than `VALUES` names and values per request.
    """
    body = body.strip()
    if not body:
        raise InvalidRequestError("body", "must be a JSON object, but is empty")
    _check(body, VALUES * requests)
    try:
        return json.loads(
            body.decode("utf-8"),
            parse_float=_number,
            parse_constant=_no_constant,
            object_pairs_hook=_no_twins,
        )
    except UnicodeDecodeError:
        rule = "must be UTF-8"
    except json.JSONDecodeError as error:
        rule = f"is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}"
    raise InvalidRequestError("body", rule)


def count(value: Any) -> int:
    """Return the number of names and values in a parsed value, including itself."""
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(count, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(count, value))
    return 1


def too_many(what: str, most: int) -> TooLargeError:
    """Return the error for more than `most` names and values in `what`."""
    return TooLargeError(f"{what}: must have at most {most} names and values together")


def _check(body: bytes, most: int) -> None:
    """Check that parsing stays within the bounds.

    Each value except the first follows one of `_MARKS`, and so does each name. So the count is an
    upper bound for a valid body. For an invalid one, the parser stops at the first error.

    Raises:
        InvalidRequestError, TooLargeError: as `parse`.
    """
    outside = _outside_of_strings(body, most)
    marks = sum(map(outside.count, _MARKS))
    if marks >= most or sum(map(outside.count, _ENDS)) > most:
        _check_depth(outside[:_PREFIX_BYTES])  # A nesting error is more specific.
        raise too_many("body", most)
    _check_depth(outside)
    if max(map(len, outside.translate(_SEPARATED).split()), default=0) > NUMBER_CHARACTERS:
        rule = f"is not valid JSON: a number must have at most {NUMBER_CHARACTERS} characters"
        raise InvalidRequestError("body", rule)


def _outside_of_strings(body: bytes, most: int) -> bytes:
    """Return the body without its strings and whitespace.

    Raises:
        InvalidRequestError: the body is nested too deeply.
        TooLargeError: it has more than `most` strings.
    """
    if b"\\" in body:
        # Escaped backslashes first: a backslash that then precedes a quote escapes the quote.
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if body.count(b'"') > 2 * most:
        _check_depth(b"".join(body[:_PREFIX_BYTES].split(b'"')[::2]))
        raise too_many("body", most)
    return b"".join(body.split(b'"')[::2]).translate(None, _SPACE)


def _check_depth(outside: bytes) -> None:
    depth = 0
    for bracket in outside.translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH:
            raise InvalidRequestError("body", f"must be nested at most {DEPTH} levels deep")


def _number(text: str) -> float:
    """Return a number that has a fraction or an exponent, as an integer if it is one, such as 30.0.

    JSON has one number type, in which 30.0 is an integer (JSON Schema, 6.1.1).
    """
    number = float(text)
    return int(number) if number.is_integer() else number


def _no_constant(constant: str) -> NoReturn:
    raise InvalidRequestError("body", f"is not valid JSON: {constant} is not a JSON number")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of these pairs, or raise InvalidRequestError for a duplicate name."""
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twin = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # add returns None: the idiom
        raise InvalidRequestError(shown(twin), "is given twice")
    return made
