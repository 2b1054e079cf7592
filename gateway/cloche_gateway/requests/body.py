"""Parse the JSON of request bodies, and take unknown fields out of them.

The functions are pure and share no state with the event loop, so a body can be parsed in a thread.
The value is then validated as a model.

Their time and memory are bounded by the body's size. A body of 4 MiB can hold 1.4 million objects,
half a million names or a number of 4 million digits, and each of them costs far more than the bytes
it was sent in. So the body is checked before it is parsed: its strings are cut out, and the
structural characters of the rest are counted. Only a body within the bounds is parsed. The checks
take linear time and run in C functions of the interpreter.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, get_args

from cloche_gateway.errors import InvalidRequestError, TooLargeError, shown
from cloche_gateway.models import Body

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = 4096
"""Names and values in one request. A request with each field at its limit has about 900."""
DEPTH = 32
"""Nesting depth of objects and lists. A valid request has at most four."""
NUMBER_CHARACTERS = 400
"""Length of one number. The largest double has 309 digits. The time to parse a number grows with
the square of its digits."""
_PREFIX_BYTES = 16 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MARKS, _ENDS, _SPACE = (b",", b":", b"{", b"["), (b"}", b"]"), b" \t\r\n"
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_SEPARATED = bytes.maketrans(b",:{}[]", b" " * 6)


LONE_SURROGATES = "must not contain lone surrogates"
UNKNOWN_RULE = "unknown field"
MAX_WARNINGS = 10
"""The number of unknown fields, and of converted values, that an answer names. With names of
`NAME_CHARACTERS` these are at most 10 KiB, which a request holds until it is answered."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What a request has beside the documented form: unknown fields and converted values."""

    named: tuple[str, ...] = ()
    """The locations of the first unknown fields."""
    count: int = 0
    """The number of all."""
    converted: tuple[str, ...] = ()
    """The first converted values, as the rules that they break (`lenient`)."""
    conversions: int = 0
    """The number of all."""

    @property
    def needs_leniency(self) -> bool:
        """Return whether there is anything that a strict request must not have."""
        return bool(self.count or self.conversions)

    def warnings(self) -> tuple[str, ...]:
        """Return the warnings of the answer: the converted values, then the ignored fields."""
        found = [f"{one}, converted" for one in self.converted]
        if self.conversions > len(self.converted):
            found.append(f"and {self.conversions - len(self.converted)} more values, converted")
        found += [f"{one}: {UNKNOWN_RULE}, ignored" for one in self.named]
        if self.count > len(self.named):
            found.append(f"and {self.count - len(self.named)} more unknown fields, ignored")
        return tuple(found)


NONE_UNKNOWN = Unknown()


def take_unknown(value: Any, kind: Any) -> Unknown:
    """Remove the unknown fields from a parsed value, which is then validated as this type.

    If the type is not a model, there are none.

    Raises:
        InvalidRequestError: the name of an unknown field is not Unicode.
    """
    if not (isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, Body)):
        return NONE_UNKNOWN
    named, count = list[str](), 0
    for location in _unknown(value, kind, ()):
        if count < MAX_WARNINGS:
            named.append(path_of(location))
        count += 1
    return Unknown(tuple(named), count) if count else NONE_UNKNOWN


def _unknown(
    value: dict[str, Any], kind: type[Body], place: tuple[int | str, ...]
) -> Iterator[tuple[int | str, ...]]:
    """Remove and yield the unknown fields: those of nested models first, as pydantic does."""
    names, models = _fields(kind)
    for field, nested in models:
        inner = value.get(field)
        if isinstance(inner, dict):
            yield from _unknown(inner, nested, (*place, field))
        elif isinstance(inner, list):
            for index, item in enumerate(inner):
                if isinstance(item, dict):
                    yield from _unknown(item, nested, (*place, field, index))
    if value.keys() <= names:
        return
    for name in [name for name in value if name not in names]:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise InvalidRequestError("body", LONE_SURROGATES) from None
        del value[name]
        yield (*place, name)


@functools.cache
def _fields(kind: type[Body]) -> tuple[frozenset[str], tuple[tuple[str, type[Body]], ...]]:
    """Return the fields of a model, and those that hold other models, alone or in a list."""
    models = (
        (name, found)
        for name, field in kind.model_fields.items()
        for found in _models(field.annotation)
    )
    return frozenset(kind.model_fields), tuple(models)


def _models(annotation: Any) -> Iterator[type[Body]]:
    if isinstance(annotation, type) and issubclass(annotation, Body):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def in_body(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return a location without the `body` that FastAPI puts before it. No field has that name."""
    return location[1:] if location[:1] == ("body",) else location


def path_of(location: tuple[int | str, ...]) -> str:
    """Return a location as a path such as `files[0].path`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += ("." if text else "") + shown(part)
    return text


def parse(body: bytes, requests: int = 1) -> Any:
    """Return the JSON value of a body that holds up to this number of requests.

    The body must be UTF-8, with or without a byte order mark (RFC 8259, 8.1). NaN, infinities and
    duplicate names in an object are rejected.

    Raises:
        InvalidRequestError: the body is not such JSON, is nested more than `DEPTH` deep, or has a
            number of more than `NUMBER_CHARACTERS`.
        TooLargeError: it has more than `VALUES` names and values per request.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK).strip()
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
