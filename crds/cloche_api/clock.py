"""The API server's time of day, which all of Cloche's machines go by.

Times that one machine writes and another compares (an expiry, the creation of an object) must come
from one clock. The `Date` of the API server's answers (RFC 9110, section 6.6.1) is that clock, and
the machine's own monotonic clock counts on from there.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SET_BACK_SECONDS = 2.0
"""A `Date` this much behind what was expected is of a clock that was set back: it counts whole
seconds and comes late by the answer's way, which is less in all."""


class ServerClock:
    """What time it is for the API server: exact to about a second."""

    def __init__(self) -> None:
        self._text = ""
        self._offset: float | None = None  # from the monotonic clock to Unix time

    def seen(self, date: str | None) -> None:
        """Take in the `Date` header of an answer that has just come, if it has one."""
        if not date or date == self._text:
            return
        try:
            offset = parsedate_to_datetime(date).timestamp() - time.monotonic()
        except ValueError:
            return
        self._text = date
        # Whole seconds, and a way: the truth is later than what an answer says, never earlier.
        known = self._offset
        if known is None or offset > known or offset < known - _SET_BACK_SECONDS:
            self._offset = offset

    def now(self) -> datetime:
        """The time, UTC. Before the API server's first answer it is this machine's own."""
        if self._offset is None:
            return datetime.now(UTC)
        return datetime.fromtimestamp(self._offset + time.monotonic(), UTC)
