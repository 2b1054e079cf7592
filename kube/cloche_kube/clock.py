"""The API server's time, which all programs of Cloche use.

Times that one machine writes and another compares (an expiry, the creation of an object) must come
from one clock. It is set by the `Date` of the API server's responses (RFC 9110, section 6.6.1), and
it advances with the machine's monotonic clock.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SET_BACK_SECONDS = 2.0
"""A `Date` that is this much earlier than expected is from a clock that was set back. Truncation to
whole seconds and the delay of the response make it early too, but by less."""


class ServerClock:
    """The API server's time, exact to about a second."""

    def __init__(self) -> None:
        self._text = ""
        self._offset: float | None = None  # from the monotonic clock to Unix time

    def seen(self, date: str | None) -> None:
        """Process the `Date` header of a response that has just come, if it has one."""
        if not date or date == self._text:
            return
        try:
            offset = parsedate_to_datetime(date).timestamp() - time.monotonic()
        except ValueError:
            return
        self._text = date
        # Truncation and delay make a `Date` early, never late, so the largest offset is the best.
        known = self._offset
        if known is None or offset > known or offset < known - _SET_BACK_SECONDS:
            self._offset = offset

    def now(self) -> datetime:
        """Return the time in UTC. Before the API server's first response it is this machine's."""
        if self._offset is None:
            return datetime.now(UTC)
        return datetime.fromtimestamp(self._offset + time.monotonic(), UTC)
