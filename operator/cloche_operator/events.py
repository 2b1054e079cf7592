"""A supervisor's events, read from a stream of bytes (docs/design/protocol.md).

Whatever the bytes are, reading them costs bounded memory, time in proportion to their number, and
raises nothing: an image may hold anything in the supervisor's place.
"""

from __future__ import annotations

import json
from typing import Any

from cloche_api import limits

_LINE_BYTES = 4 * limits.MIB
"""The longest line: an exit event with all its files is below 1 MiB."""


class EventReader:
    """Cuts one stream into its events, and minds their numbers."""

    def __init__(self) -> None:
        self._rest = bytearray()  # the beginning of a line, at most _LINE_BYTES
        self._next = 0
        self._skipping = False
        self.gap = False
        """Whether events are missing: the Pod's log has them."""
        self.garbage = 0
        """Lines that were no events."""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Read some more bytes; the events that are whole now.

        Only the new bytes are searched, in however many pieces a line comes.
        """
        *ends, rest = data.split(b"\n")
        events = []
        for end in ends:
            self._keep(end)
            if self._rest.strip() and (event := self._event(self._rest)):
                events.append(event)
            self._rest.clear()
            self._skipping = False
        self._keep(rest)
        return events

    def _keep(self, part: bytes) -> None:
        """Keep a part of a line, and nothing of a line that is too long."""
        if self._skipping:
            return
        if len(self._rest) + len(part) > _LINE_BYTES:
            self._rest.clear()
            self._skipping = True
            self.garbage += 1
        else:
            self._rest += part

    def _event(self, line: bytearray) -> dict[str, Any] | None:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict) or type(event.get("seq")) is not int:
            self.garbage += 1
            return None
        if event["seq"] != self._next:
            self.gap = True
        self._next = event["seq"] + 1
        return event
