"""Convert values of another type than the documented one, which clients of the original API send.

A request is validated strictly first. Only if that fails, the values at the places of its mistakes
are converted where their meaning is clear, and it is validated again. So a valid request costs
nothing more, and it means the same as before.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from cloche_gateway.models import Body
from cloche_gateway.requests.body import in_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Location = tuple[int | str, ...]

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")
_MEBIBYTES = re.compile(r"([0-9]{1,15}) ?mi?b?", re.IGNORECASE)
_NUMBERS = {
    *("timeout", "compile_timeout", "ttl_seconds", "idle_timeout", "lifetime", "cpu"),
    *("memory_mb", "disk_mb"),
}
_AMOUNTS_IN_MIB = {"memory_mb", "disk_mb"}
_TEXTS = {"stdin", "environment", "args", "session_id"}
_FLAGS: dict[Any, bool] = {"true": True, "false": False, 1: True, 0: False}


class _Unclear(Exception):  # noqa: N818  it never leaves this module
    """The value has no clear meaning as the documented type."""


def convert(
    value: Any, kind: Any, mistakes: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Convert what is possible in a parsed body, and return the mistakes that this mends.

    `kind` is the type that the value is validated as. If it is not a model, nothing is converted.
    `mistakes` are the details of a ValidationError of pydantic or FastAPI. A field whose value
    means that it is absent, such as the empty `session_id`, is removed.
    """
    if not (isinstance(kind, type) and issubclass(kind, Body)):
        return []
    converted = []
    for mistake in mistakes:
        location, change = in_body(mistake["loc"]), _CHANGES.get(mistake["type"])
        if change is None or not location:
            continue
        try:
            around = value
            for part in location[:-1]:
                around = around[part]
            made = change(location, around[location[-1]])
        except (_Unclear, LookupError, TypeError, ValueError):
            continue
        if made is not None:
            around[location[-1]] = made
        elif isinstance(around, dict):
            del around[location[-1]]
        else:
            continue
        converted.append(mistake)
    return converted


def _number(location: Location, given: Any) -> float:
    """Read a number in a string, such as "30" or "2.5", and an amount such as "512MB"."""
    field = location[-1]
    if not isinstance(given, str) or field not in _NUMBERS:
        raise _Unclear
    text = given.strip()
    if field in _AMOUNTS_IN_MIB and (amount := _MEBIBYTES.fullmatch(text)):
        return int(amount[1])
    if not _NUMBER.fullmatch(text):
        raise _Unclear
    number = float(text)
    return int(number) if number.is_integer() else number


def _text(location: Location, given: Any) -> str | None:
    """Read a number, true or false as its JSON text. Null removes an environment variable."""
    if location[0] not in _TEXTS:
        raise _Unclear
    if isinstance(given, int | float):
        return json.dumps(given, allow_nan=False)
    if given is None and location[0] == "environment":
        return None
    raise _Unclear


def _flag(_: Location, given: Any) -> bool:
    """Read "true", "false", 1 and 0."""
    if isinstance(given, str):
        given = given.strip().lower()
    if not isinstance(given, str | int) or given not in _FLAGS:
        raise _Unclear
    return _FLAGS[given]


def _nothing(_: Location, given: Any) -> None:
    """Remove an empty list in the place of an object, as PHP writes an empty one."""
    if given != []:
        raise _Unclear


def _absent(location: Location, given: Any) -> None:
    """Remove an empty `session_id`."""
    if location != ("session_id",) or given != "":
        raise _Unclear


_CHANGES: dict[str, Callable[[Location, Any], Any]] = {
    "int_type": _number,
    "float_type": _number,
    "string_type": _text,
    "bool_type": _flag,
    "dict_type": _nothing,
    "model_type": _nothing,
    "model_attributes_type": _nothing,
    "string_too_short": _absent,
}
"""The conversions for pydantic's error types."""
