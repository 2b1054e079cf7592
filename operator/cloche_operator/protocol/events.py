"""The supervisor's events: parsed from bytes, and collected in the transcript of an execution.

docs/design/protocol.md defines them. An image may contain anything in place of the supervisor.
Processing any bytes takes bounded memory and time proportional to their number, and raises no
exception.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeGuard

from cloche_api import limits
from cloche_operator.protocol import cells, files
from cloche_operator.protocol.exit_event import ADDED, EXIT_FIELDS, NUMBER
from cloche_operator.protocol.output_order import OutputOrder

if TYPE_CHECKING:
    from cloche_operator.protocol.exit_event import ExitEvent

_LINE_BYTES = 4 * limits.MIB
"""The maximum length of a line. An exit event with all its files is below 1 MiB."""
_TEXT_BYTES = limits.STDOUT_BYTES + 4
"""Bytes of UTF-8 that are kept of a stream: what a status takes, and one character more to show
that there was more."""

_LARGEST = 2**53
"""The largest number in an event: JSON parsers agree up to here, and a status can hold it."""
_LATEST = 253_402_300_800
"""Unix time of the year 10000, where RFC 3339 ends."""

_INPUT_ENDED = "the input ended"
"""Part of the supervisor's message for an input that ended early, at any byte."""


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


class Transcript:
    """The events of one execution, in order. A Pod's log may contain those of earlier ones.

    `whole`: the events begin with the supervisor's first one, as in a log, so their numbers begin
    with 0. Output after a gap is dropped, so that what is kept is always the beginning.
    """

    def __init__(self, execution: str, *, whole: bool = False) -> None:
        self._execution = execution
        self._whole = whole
        self._next: int | None = 0 if whole else None
        self.gap = False
        """Whether events are missing: before the last one, or once started, since the start."""
        # As UTF-8, because a str takes up to four times as much, and 50 bytes for each piece.
        self._out = {"stdout": bytearray(), "stderr": bytearray()}
        self.order: OutputOrder | None = None
        """The order of the output that is kept. None until there is standard error."""
        self.started: float | None = None
        """Unix time of the first `started` event."""
        self.prestarted = False
        """Whether its program or its compiler was a process that had waited in the Pod."""
        self.exit: ExitEvent | None = None
        """The `exit` event. Every field has the right type."""
        self.results: cells.Results | None = None
        """What a cell shows. None if there is nothing."""
        self.error: str | None = None
        """The message of an `error` event."""
        self.garbage = 0
        """Events that violate the protocol."""

    @property
    def stdout(self) -> str:
        """What the program wrote to standard output, as far as received."""
        return self._out["stdout"].decode("utf-8", "ignore")

    @property
    def stderr(self) -> str:
        """What the program wrote to standard error, as far as received."""
        return self._out["stderr"].decode("utf-8", "ignore")

    @property
    def _kept(self) -> int:
        return sum(map(len, self._out.values())) + (self.results.size if self.results else 0)

    @property
    def size(self) -> int:
        """Bytes of the output and the files of the program, as far as kept."""
        if self.exit is None:
            return self._kept
        returned, listed = self.exit["files"], self.exit.get("listed") or []
        files = sum(len(file["path"]) + len(file["base64"]) for file in returned)
        return self._kept + files + sum(len(file["path"]) for file in listed)

    @property
    def stdout_truncated(self) -> bool:
        """Whether `stdout` may be less than the program wrote."""
        return self.exit is None or self.gap or self.exit["stdout_truncated"]

    @property
    def stderr_truncated(self) -> bool:
        """Whether `stderr` may be less than the program wrote."""
        return self.exit is None or self.gap or self.exit["stderr_truncated"]

    @property
    def ended(self) -> bool:
        """Whether the supervisor has reported the end."""
        return self.exit is not None or self.error is not None

    @property
    def has_started(self) -> bool:
        """Whether it shows that the program was started, by its start or its end."""
        return self.started is not None or self.exit is not None

    @property
    def cut_off(self) -> bool:
        """Whether the supervisor stopped because its input ended: the connection was lost."""
        return self.exit is None and _INPUT_ENDED in (self.error or "")

    def completed_by(self, other: Transcript) -> Transcript:
        """Return the more complete of the two, with the end that either has.

        An earlier reading of the log, or an attach, may have what the log has lost since.
        """
        if self.started is not None and (self.ended or self._kept >= other._kept):
            return self
        if other.started is None:
            return self if self.ended or not other.ended else other
        if self.ended and not other.ended:
            other.exit, other.error, other.gap = self.exit, self.error, True
        return other

    def take_all(self, events: list[dict[str, Any]]) -> None:
        """Process several events."""
        for event in events:
            self.take(event)

    def take(self, event: dict[str, Any]) -> None:
        """Process an event. Output is the execution's own after its `started` event."""
        self._count(event.get("seq"))
        kind = event.get("event")
        if self._is_output(event):
            return
        if kind == "ready" and type(event.get("protocol")) is int:
            return
        if kind == "error" and isinstance(event.get("message"), str):
            self.error = event["message"]
        elif kind == "started" and _is_time(event.get("time")):
            self._start(event)
        elif kind == "exit" and _is_exit(event):
            self._end(event)
        else:
            self.garbage += 1

    def _start(self, event: dict[str, Any]) -> None:
        if event.get("execution") != self._execution:
            return
        self.prestarted |= event.get("prestarted") is True
        if self.started is None:
            self.started, self.gap = float(event["time"]), False

    def _end(self, event: ExitEvent) -> None:
        if event.get("execution") == self._execution:
            self.exit = event
        elif event.get("last") is True and self._whole and not self.has_started:
            self.error = f"{_INPUT_ENDED} with another execution, the last one of the Pod"

    def _count(self, number: Any) -> None:
        if type(number) is int:
            if self._next is not None and number != self._next:
                self.gap = True
            self._next = number + 1

    def _is_output(self, event: dict[str, Any]) -> bool:
        """Return whether the event is output or a result, and keep it if it is the execution's."""
        kind, data = event.get("event"), event.get("data")
        result = cells.result_of(event) if kind == "result" else None
        is_text = kind in ("stdout", "stderr") and isinstance(data, str)
        if self.started is not None and not self.gap:
            if result is not None:
                self.results = self.results or cells.Results()
                self.results.add(result)
            elif is_text:
                self._keep(str(kind), str(data))
        return is_text or result is not None

    def _keep(self, stream: str, text: str) -> None:
        kept = self._out[stream]
        if self.order is None and stream == "stderr":
            self.order = OutputOrder(len(self.stdout))
        if self.order is not None and len(kept) < _TEXT_BYTES:
            self.order.add(to_stderr=stream == "stderr", characters=len(text))
        # JSON can contain a lone surrogate, but UTF-8 cannot.
        kept += text[: _TEXT_BYTES - len(kept)].encode("utf-8", "replace")
        del kept[_TEXT_BYTES:]


def _is_exit(event: dict[str, Any]) -> TypeGuard[ExitEvent]:
    """Return whether it is an `exit` event, within the limits of a status."""
    return (
        event.keys() >= EXIT_FIELDS.keys() - ADDED
        and all(_is_a(event[name], EXIT_FIELDS[name]) for name in event.keys() & EXIT_FIELDS)
        and _is_time(event["time"])
        and all(map(files.is_returned, event["files"]))
        and (not event.get("files_omitted") or files.are_omitted(event["files_omitted"]))
        and ("cell" not in event or cells.is_end(event["cell"]))
        and (not event.get("listed") or files.are_listed(event["listed"]))
    )


def _is_a(value: Any, types: tuple[type, ...]) -> bool:
    """Return whether it has one of these types. True is not an int; NaN and infinity fail."""
    if type(value) not in types:
        return False
    return not isinstance(value, NUMBER) or abs(value) <= _LARGEST


def _is_time(value: Any) -> bool:
    """Return whether it is a Unix time that a status can hold."""
    return _is_a(value, NUMBER) and 0 <= value < _LATEST
