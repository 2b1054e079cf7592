"""Types and rules of query parameters and headers.

FastAPI validates the parameters of a route. `RULES` has the messages for those that are not valid.
"""

from __future__ import annotations

import base64
import functools
import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from cloche_api import limits
from cloche_gateway.cluster.feed import Position
from cloche_gateway.errors import InvalidRequestError
from cloche_gateway.requests.validation import SESSION_ID_RULE

LIST_LIMIT_MAX = 200
WAIT_SECONDS_MAX = 60.0
"""Shorter than the response timeout of most proxies."""
IDEMPOTENCY_KEY = r"^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$"
"""The pattern of an Idempotency-Key."""
_BOOLEANS = {"true": True, "false": False}
_INTEGER, _DECIMAL = re.compile(r"[0-9]{1,4}"), re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?")


def _plain(text: str, form: re.Pattern[str]) -> str:
    """Return the text of a number, or raise ValueError if it has another form, such as 1e1."""
    if not form.fullmatch(text):
        raise ValueError
    return text


Flag = Annotated[bool, Field(strict=True), BeforeValidator(lambda text: _BOOLEANS.get(text, text))]
"""A parameter that is either `true` or `false`."""
Seconds = Annotated[
    float,
    Field(ge=0, le=WAIT_SECONDS_MAX),
    BeforeValidator(lambda text: _plain(text, _DECIMAL)),
]
_Count = Annotated[int, BeforeValidator(lambda text: _plain(text, _INTEGER))]
Status = Literal["pending", "running", "completed", "failed", "cancelled"]

_FLAG_RULE = "must be true or false"
RULES = {
    "wait": f"must be a number of seconds between 0 and {WAIT_SECONDS_MAX:g}",
    "limit": f"must be between 1 and {LIST_LIMIT_MAX}",
    "status": f"must be one of {', '.join(get_args(Status))}",
    "session_id": SESSION_ID_RULE,
    "cursor": "must be the next_cursor of a list",
    "strict": _FLAG_RULE,
    "purge": _FLAG_RULE,
    "Idempotency-Key": "must be 1 to 255 printable ASCII characters",
}
"""The rule of each parameter that can be invalid."""

Place = tuple[str, str, str]
"""A sort key in chronological order: creation time, in whole seconds; time of queueing; name. A
string comparison is correct, because the times are RFC 3339 in UTC."""


def place(cursor: str) -> Place:
    """Return the place that a cursor encodes.

    Raises:
        ValueError: the text is not a cursor of this API.
    """
    plain = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    created, queued, name = plain.split(" ")
    return created, queued, name


def _checked(cursor: str | None) -> str | None:
    if cursor is not None:
        place(cursor)
    return cursor


class Page(BaseModel):
    """Parameters of each list."""

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)

    limit: _Count = Field(default=50, ge=1, le=LIST_LIMIT_MAX)
    """Maximum number of entries."""
    cursor: Annotated[str | SkipJsonSchema[None], AfterValidator(_checked)] = None
    """The `next_cursor` of the previous page."""

    @functools.cached_property
    def after(self) -> Place | None:
        """Return the place of the last entry of the previous page."""
        return place(self.cursor) if self.cursor is not None else None


class Query(Page):
    """Parameters of a list of executions."""

    language: str | SkipJsonSchema[None] = None
    """Only executions in this language, by name or alias."""
    status: Status | SkipJsonSchema[None] = None
    """Only executions with this status."""
    session_id: str | SkipJsonSchema[None] = Field(
        default=None, min_length=1, max_length=limits.SESSION_ID_CHARACTERS
    )
    """Only executions with this session id."""


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


def cursor(place: Place) -> str:
    """Return the cursor that encodes a place."""
    return base64.urlsafe_b64encode(" ".join(place).encode()).decode().rstrip("=")
