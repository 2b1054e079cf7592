"""Validate untrusted JSON. Each error names the invalid key: `frame: run.command: …`."""

from __future__ import annotations

import math

from cloche_supervisor.protocol.wire import ProtocolError


def keys(
    value: object, key: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, object]:
    """Return the value if it is an object with these keys and no others."""
    if not isinstance(value, dict):
        raise wrong(key, "must be an object")
    for name in required:
        if name not in value:
            raise wrong(join(key, name), "is missing")
    for name in value:
        if name not in required and name not in optional:
            raise wrong(join(key, _shown(name)), "is not a known key")
    return value


def array(value: object, key: str) -> list[object]:
    """Return the value if it is an array."""
    if not isinstance(value, list):
        raise wrong(key, "must be an array")
    return value


def text(value: object, key: str) -> str:
    """Return the value if it is a string without lone surrogates, which JSON can escape."""
    if not isinstance(value, str):
        raise wrong(key, "must be a string")
    if not _encodable(value):
        raise wrong(key, "must not contain a lone surrogate")
    return value


def word(value: object, key: str) -> str:
    """Return the value if it is a string without NUL, as system calls require."""
    if "\0" in text(value, key):
        raise wrong(key, "must not contain a NUL character")
    return str(value)


def words(value: object, key: str) -> tuple[str, ...]:
    """Return the value as a command line, which has at least the name of a program."""
    found = tuple(word(item, f"{key}[{i}]") for i, item in enumerate(array(value, key)))
    if not found or not found[0]:
        raise wrong(key, "must name a program")
    return found


def path(value: object, key: str) -> str:
    """Return the value if it is a relative path without empty, `.` or `..` parts."""
    found = word(value, key)
    if any(part in {"", ".", ".."} for part in found.split("/")):
        raise wrong(key, "must be a relative path without empty, '.' or '..' parts")
    return found


def seconds(value: object, key: str) -> float:
    """Return the value if it is a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(key, "must be a number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not 0 < found < math.inf:
        raise wrong(key, "must be finite and greater than 0")
    return found


def flag(value: object, key: str) -> bool:
    """Return the value if it is a boolean."""
    if not isinstance(value, bool):
        raise wrong(key, "must be true or false")
    return value


def amount(value: object, key: str) -> int:
    """Return the value if it is an integer from 0 to 2^63 - 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(key, "must be an integer")
    if not 0 <= value < 2**63:
        raise wrong(key, "must be from 0 to 2^63 - 1")
    return value


def wrong(key: str, rule: str) -> ProtocolError:
    """Return an error that names the key and the rule."""
    return ProtocolError(f"frame: {key}: {rule}" if key else f"frame: {rule}")


def join(key: str, name: str) -> str:
    """Return the full name of a nested key."""
    return f"{key}.{name}" if key else name


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(name: str) -> str:
    return name[:100].encode(errors="replace").decode()
