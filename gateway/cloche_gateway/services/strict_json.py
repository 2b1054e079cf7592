"""JSON from clients: what may cost time or memory is bounded before anything is built of it.

A body of 4 MiB may hold 1.4 million objects, half a million names or a number of 4 million digits,
each of which costs far more than the byte or two that it was sent as. So the body is looked at
first, by passes of the interpreter's own C code whose time is linear: what stands outside of
strings is cut out, and its marks are counted. Only a body within the bounds is parsed.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from cloche_gateway.errors import InvalidRequestError, TooLargeError

VALUES = 4096
"""Names and values of one request. One that uses every field up to its limit has some 900."""
DEPTH = 32
"""Objects and lists within each other; a request has at most four."""
NUMBER_CHARACTERS = 400
"""Of one number. The largest that a double can hold has 309 digits; reading one takes the square
of its digits."""
NAME_CHARACTERS = 100
"""Of a client's own word, in an answer."""
_PREFIX_BYTES = 16 * 1024
_MARKS, _ENDS, _SPACE = (b",", b":", b"{", b"["), (b"}", b"]"), b" \t\r\n"
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_SEPARATED = bytes.maketrans(b",:{}[]", b" " * 6)


def parse(body: bytes, requests: int = 1) -> Any:
    """The body's value, of as many values as `requests` may have.

    Strictly: UTF-8, no NaN, no name twice in one object.

    Raises:
        InvalidRequestError: it is no such JSON, or nested too deeply.
        TooLargeError: it has too many names and values.
    """
    body = body.strip()
    if not body:
        raise InvalidRequestError("body", "must be a JSON object, but is empty")
    _check(body, VALUES * requests)
    try:
        return json.loads(
            body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_twins
        )
    except UnicodeDecodeError:
        rule = "must be UTF-8"
    except json.JSONDecodeError as error:
        rule = f"is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}"
    raise InvalidRequestError("body", rule)


def count(value: Any) -> int:
    """The names and values in a parsed value, itself included."""
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(count, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(count, value))
    return 1


def too_many(what: str, most: int) -> TooLargeError:
    """The error for more names and values than that."""
    return TooLargeError(f"{what}: must have at most {most} names and values together")


def shown(name: str) -> str:
    """A name that the client chose, not too long."""
    return name if len(name) <= NAME_CHARACTERS else name[:NAME_CHARACTERS] + "…"


def _check(body: bytes, most: int) -> None:
    """Bound what parsing may build.

    Every value but the first follows a mark, and so does every name. What is counted here is what
    the parser would meet, up to the first place where the body is no JSON: there it stops.
    """
    outside = _outside_of_strings(body, most)
    marks = sum(map(outside.count, _MARKS))
    if marks >= most or sum(map(outside.count, _ENDS)) > most:
        _check_depth(outside[:_PREFIX_BYTES])  # which says more
        raise too_many("body", most)
    _check_depth(outside)
    if max(map(len, outside.translate(_SEPARATED).split()), default=0) > NUMBER_CHARACTERS:
        rule = f"is not valid JSON: a number must have at most {NUMBER_CHARACTERS} characters"
        raise InvalidRequestError("body", rule)


def _outside_of_strings(body: bytes, most: int) -> bytes:
    """What stands outside of strings, without space."""
    if b"\\" in body:
        # From the left: what is left before a quote is one that escapes it.
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
            raise InvalidRequestError("body", "is nested too deeply")


def _no_constant(constant: str) -> NoReturn:
    raise InvalidRequestError("body", f"is not valid JSON: {constant} is no JSON number")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, unless a name stands in it twice: then nobody knows which was meant."""
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twin = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # add returns None: the idiom
        raise InvalidRequestError(shown(twin), "is given twice")
    return made
