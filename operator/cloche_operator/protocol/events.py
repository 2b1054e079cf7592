"""Parses a supervisor's events from a stream of bytes (docs/design/protocol.md).

An image may contain anything in place of the supervisor. Parsing any bytes takes bounded memory and
time proportional to their number, and raises no exception.
"""

from __future__ import annotations

import json
from typing import Any

from cloche_api import limits

_LINE_BYTES = 4 * limits.MIB
"""The maximum length of a line. An exit event with all its files is below 1 MiB."""


class EventReader:
    """Splits one stream into events and checks their sequence numbers."""

    def __init__(self) -> None:
        self._rest = bytearray()  # the beginning of a line, at most _LINE_BYTES
        self._next = 0
        self._skipping = False
        self.gap = False
        """Whether events are missing. The Pod's log has them."""
        self.garbage = 0
        """Lines that are not events."""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Parse more bytes, and return the events that are now complete.

        Only the new bytes are searched, even if a line comes in many pieces.
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
        """Keep a part of a line, or drop the line if it is too long."""
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
