"""Typed access to the fields of an answer. Unknown ones are ignored: later versions add some."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloche_client.errors import UnexpectedAnswerError


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of an answer. All methods raise UnexpectedAnswerError for another type."""

    values: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Return a string that every such object has."""
        value = self.optional_text(name)
        if value is None:
            raise _unexpected(name)
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a string, None if it is absent or null."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise _unexpected(name)
        return value

    def number(self, name: str) -> float | None:
        """Return a number, None if it is absent or null."""
        value = self.values.get(name)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise _unexpected(name)

    def whole(self, name: str) -> int | None:
        """Return a whole number, None if it is absent or null."""
        value = self.number(name)
        if value is not None and not isinstance(value, int):
            raise _unexpected(name)
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean, false if it is absent or null."""
        value = self.values.get(name) or False
        if not isinstance(value, bool):
            raise _unexpected(name)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings, empty if it is absent or null."""
        values = self._list(name)
        if not all(isinstance(one, str) for one in values):
            raise _unexpected(name)
        return tuple(values)

    def object(self, name: str) -> Fields | None:
        """Return an object, None if it is absent or null."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise _unexpected(name)
        return Fields(value)

    def objects(self, name: str) -> list[Fields]:
        """Return a list of objects, empty if it is absent or null."""
        values = self._list(name)
        if not all(isinstance(one, Mapping) for one in values):
            raise _unexpected(name)
        return [Fields(one) for one in values]

    def content(self, name: str) -> bytes:
        """Return bytes that are in base64."""
        try:
            return base64.b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError):
            raise _unexpected(name) from None

    def _list(self, name: str) -> list[Any]:
        values = self.values.get(name)
        if values is None:
            return []
        if not isinstance(values, list):
            raise _unexpected(name)
        return values


def parsed(body: bytes) -> Any:
    """Return JSON. Raises UnexpectedAnswerError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise UnexpectedAnswerError(
            "The server's answer is not JSON. Is the URL that of Cloche's gateway?"
        ) from None


def fields(body: bytes) -> Fields:
    """Return a JSON object. Raises UnexpectedAnswerError."""
    value = parsed(body)
    if not isinstance(value, Mapping):
        raise UnexpectedAnswerError("The server's answer is not a JSON object.")
    return Fields(value)


def _unexpected(name: str) -> UnexpectedAnswerError:
    return UnexpectedAnswerError(
        f"The server's answer has no valid {name!r}. Is the client older than the server?"
    )
