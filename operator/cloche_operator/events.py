"""A supervisor's events, read from a stream of bytes (docs/protocol.md).

Whatever the bytes are, reading them costs bounded memory and raises nothing: an image may hold
anything in the supervisor's place.
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
        self._rest = bytearray()
        self._next = 0
        self._skipping = False
        self.gap = False
        """Whether events are missing: the Pod's log has them."""
        self.garbage = 0
        """Lines that were no events."""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Read some more bytes; the events that are whole now."""
        self._rest += data
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        events = []
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif line.strip() and (event := self._event(bytes(line))):
                events.append(event)
        if len(self._rest) > _LINE_BYTES:
            self._rest.clear()
            self._skipping = True
            self.garbage += 1
        return events

    def _event(self, line: bytes) -> dict[str, Any] | None:
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
