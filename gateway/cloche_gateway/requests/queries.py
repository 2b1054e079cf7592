"""Parse query parameters and headers, with an error message for each possible mistake."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_api import limits
from cloche_gateway.cluster.feed import Position
from cloche_gateway.errors import InvalidRequestError
from cloche_gateway.requests.validation import SESSION_ID_RULE

if TYPE_CHECKING:
    from collections.abc import Mapping

LIST_LIMIT, LIST_LIMIT_MAX = 50, 200
_LIMIT = re.compile(r"[0-9]{1,4}")
STATUSES = ("pending", "running", "completed", "failed", "cancelled")

WAIT_SECONDS_MAX = 60.0
"""Shorter than the response timeout of most proxies."""
_SECONDS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?")
_BOOLEANS = {"true": True, "false": False}


Place = tuple[str, str, str]
"""A sort key in chronological order: creation time, in whole seconds; time of queueing; name. A
string comparison is correct, because the times are RFC 3339 in UTC."""


@dataclass(frozen=True, slots=True)
class Query:
    """Parameters of a list. `after` is the parsed cursor: the place of the last one shown."""

    limit: int
    language: str | None = None
    status: str | None = None
    session_id: str | None = None
    after: Place | None = None


def listing(query: Mapping[str, str]) -> Query:
    """Return the parameters of a list of executions.

    Raises:
        InvalidRequestError: a parameter is not valid. The message names it and the rule.
    """
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
    after = _parse_cursor(cursor) if cursor is not None else None
    return Query(int(limit), query.get("language"), status, session, after)


def position(last_event_id: str | None) -> Position:
    """Return the position after which an event stream resumes, from the header Last-Event-ID.

    Raises:
        InvalidRequestError: it is not the id of an event from this API.
    """
    if not last_event_id:
        return Position()
    found = Position.parse(last_event_id)
    if found is None:
        raise InvalidRequestError("Last-Event-ID", "must be the id of an event")
    return found


def wait_seconds(text: str | None) -> float:
    """Return the seconds of `?wait=`, or 0 if it is absent.

    Raises:
        InvalidRequestError: it is not a number from 0 to `WAIT_SECONDS_MAX`.
    """
    if text is None:
        return 0.0
    if not _SECONDS.fullmatch(text) or float(text) > WAIT_SECONDS_MAX:
        rule = f"must be a number of seconds between 0 and {WAIT_SECONDS_MAX:g}"
        raise InvalidRequestError("wait", rule)
    return float(text)


def flag(query: Mapping[str, str], name: str) -> bool:
    """Return whether the parameter `name` is true. It defaults to false.

    Raises:
        InvalidRequestError: it is neither `true` nor `false`.
    """
    text = query.get(name, "false")
    if text not in _BOOLEANS:
        raise InvalidRequestError(name, "must be true or false")
    return _BOOLEANS[text]


def cursor(place: Place) -> str:
    """Return the cursor that encodes a place."""
    return base64.urlsafe_b64encode(" ".join(place).encode()).decode().rstrip("=")


def _parse_cursor(text: str) -> Place:
    """Return the place that a cursor encodes.

    Raises:
        InvalidRequestError: the text is not a cursor of this API.
    """
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        created, queued, name = plain.split(" ")
    except (binascii.Error, ValueError):
        raise InvalidRequestError("cursor", "must be the next_cursor of a list") from None
    return created, queued, name
