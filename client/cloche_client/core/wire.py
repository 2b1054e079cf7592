"""Requests and replies as values, and the effects that a flow asks its driver for.

A flow is a generator. It yields a Request, for which the driver sends the Reply or throws a
ConnectionFailedError, or a Pause, for which the driver sends None. Its return value is the result.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

WAITING_SECONDS = 135.0
"""How long a request may take besides the program's timeout (docs/user/clients.md)."""
DEFAULT_TIMEOUT = 30.0
"""The server's default for a program, in seconds."""
READ_SECONDS = 90.0
"""How long a request without a program may take; `?wait=` holds it for 60 s."""
MOST_ANSWER_BYTES = 64 * 1024 * 1024
"""A longer answer is not one of Cloche's: a batch of ten has less."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `path` includes the query; the URL's own path is put before it."""

    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    seconds: float = READ_SECONDS
    """How long the server may send nothing."""
    repeatable: bool = True
    """Whether it may be sent again after its connection broke."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer. The names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for this time before the next request."""

    seconds: float


Flow = Generator[Request | Pause, Reply | None, T]


def get(path: str, query: Mapping[str, Any] | None = None) -> Request:
    """Return a GET request. Parameters that are None are left out."""
    return Request("GET", _with_query(path, query))


def delete(path: str, query: Mapping[str, Any] | None = None) -> Request:
    """Return a DELETE request. Repeating one does no harm."""
    return Request("DELETE", _with_query(path, query))


def post(path: str, body: Any, *, seconds: float = READ_SECONDS, key: str | None = None) -> Request:
    """Return a POST request with a body in JSON. With an Idempotency-Key it is repeatable."""
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate has no UTF-8; the server replaces what it cannot decode in the same way.
    encoded = text.encode("utf-8", "replace")
    return Request("POST", path, encoded, headers, seconds, repeatable=key is not None)


def patch(path: str, body: Any) -> Request:
    """Return a PATCH request with a body in JSON. Repeating one does no harm."""
    return replace(post(path, body), method="PATCH", repeatable=True)


def new_key() -> str:
    """Return a new Idempotency-Key."""
    return os.urandom(16).hex()


def part(text: str) -> str:
    """Return a text as one part of a path."""
    return quote(text, safe="")


def _with_query(path: str, query: Mapping[str, Any] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
