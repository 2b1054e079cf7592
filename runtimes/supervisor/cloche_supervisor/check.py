"""Checks of untrusted JSON. Each names the key that is wrong: `frame: run.command: …`."""

from __future__ import annotations

import math

from cloche_supervisor.wire import ProtocolError


def keys(value: object, key: str, required: tuple[str, ...]) -> dict[str, object]:
    """An object with exactly these keys."""
    if not isinstance(value, dict):
        raise wrong(key, "must be an object")
    for name in required:
        if name not in value:
            raise wrong(join(key, name), "is missing")
    for name in value:
        if name not in required:
            raise wrong(join(key, _shown(name)), "is not known")
    return value


def array(value: object, key: str) -> list[object]:
    """An array."""
    if not isinstance(value, list):
        raise wrong(key, "must be an array")
    return value


def text(value: object, key: str) -> str:
    """A string that UTF-8 can hold: JSON's escapes can also make lone surrogates."""
    if not isinstance(value, str):
        raise wrong(key, "must be a string")
    if not _encodable(value):
        raise wrong(key, "must not contain a lone surrogate")
    return value


def word(value: object, key: str) -> str:
    """A string without NUL, as the kernel's calls take them."""
    if "\0" in text(value, key):
        raise wrong(key, "must not contain a NUL character")
    return str(value)


def words(value: object, key: str) -> tuple[str, ...]:
    """A command line: at least a program's name."""
    found = tuple(word(item, f"{key}[{i}]") for i, item in enumerate(array(value, key)))
    if not found or not found[0]:
        raise wrong(key, "must name a program")
    return found


def path(value: object, key: str) -> str:
    """A relative path that does not climb."""
    found = word(value, key)
    if any(part in {"", ".", ".."} for part in found.split("/")):
        raise wrong(key, "must be a relative path without empty, '.' or '..' parts")
    return found


def seconds(value: object, key: str) -> float:
    """A time that is more than none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(key, "must be a number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not 0 < found < math.inf:
        raise wrong(key, "must be more than 0 and finite")
    return found


def amount(value: object, key: str) -> int:
    """A whole number from 0 that the kernel's 64 bits can hold."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(key, "must be a whole number")
    if not 0 <= value < 2**63:
        raise wrong(key, "must be from 0 to 2^63 - 1")
    return value


def wrong(key: str, rule: str) -> ProtocolError:
    """The error that names the key and the rule."""
    return ProtocolError(f"frame: {key}: {rule}" if key else f"frame: {rule}")


def join(key: str, name: str) -> str:
    """The name of a key within another."""
    return f"{key}.{name}" if key else name


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(name: str) -> str:
    return name[:100].encode(errors="replace").decode()
