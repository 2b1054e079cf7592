"""What a supervisor said: its events, read from a stream of bytes (docs/protocol.md).

Whatever the bytes are, reading them costs bounded memory and raises nothing: an image may hold
anything in the supervisor's place.
"""

from __future__ import annotations

import json
from typing import Any

from cloche_api import limits

_LINE_BYTES = 4 * limits.MIB
"""The longest line: an exit event with all its files is below 1 MiB."""
_TEXT_CHARACTERS = 2 * limits.MIB
"""The most text kept of a stream, should a supervisor not keep to its own limit."""

_LARGEST = 2**53
"""The largest number in an event: JSON's readers agree up to here, and a status holds it."""
_LATEST = 253_402_300_800
"""Unix time of the year 10000, where RFC 3339 ends."""

_NUMBER = (int, float)
_EXIT_FIELDS: dict[str, tuple[type, ...]] = {
    "time": _NUMBER,
    "exit_code": (int,),
    "signal": (int, type(None)),
    "timed_out": (bool,),
    "out_of_memory": (bool,),
    "execution_seconds": (*_NUMBER, type(None)),
    "compile_seconds": (*_NUMBER, type(None)),
    "check_seconds": (*_NUMBER, type(None)),
    "cpu_seconds": (*_NUMBER, type(None)),
    "max_memory_bytes": (int, type(None)),
    "stdout_bytes": (int,),
    "stderr_bytes": (int,),
    "stdout_truncated": (bool,),
    "stderr_truncated": (bool,),
    "files": (list,),
    "files_truncated": (bool,),
    "syntax_error": (str, type(None)),
}


class Transcript:
    """The events of one execution, in order, from one stream."""

    def __init__(self, execution: str) -> None:
        self._execution = execution
        self._rest = bytearray()
        self._next = 0
        self._skipping = False
        self._out: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._kept = 0
        self.protocol: int | None = None
        """The protocol version of the `ready` event."""
        self.started: float | None = None
        """Unix time of the first `started` event."""
        self.exit: dict[str, Any] | None = None
        """The `exit` event, every field of the right type."""
        self.error: str | None = None
        """The message of an `error` event."""
        self.gap = False
        """Whether events are missing: the Pod's log has them."""
        self.garbage = 0
        """Lines that were no events."""

    @property
    def stdout(self) -> str:
        """What the program wrote to standard output, as far as heard."""
        return "".join(self._out["stdout"])

    @property
    def stderr(self) -> str:
        """What the program wrote to standard error, as far as heard."""
        return "".join(self._out["stderr"])

    @property
    def ended(self) -> bool:
        """Whether the supervisor has said its last word."""
        return self.exit is not None or self.error is not None

    def feed(self, data: bytes) -> None:
        """Read some more bytes of the stream."""
        self._rest += data
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif line.strip():
                self._line(bytes(line))
        if len(self._rest) > _LINE_BYTES:
            self._rest.clear()
            self._skipping = True
            self.garbage += 1

    def _line(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict) or type(event.get("seq")) is not int:
            self.garbage += 1
            return
        if event["seq"] != self._next:
            self.gap = True
        self._next = event["seq"] + 1
        self._event(event)

    def _event(self, event: dict[str, Any]) -> None:
        kind = event.get("event")
        if kind in ("stdout", "stderr") and isinstance(event.get("data"), str):
            self._keep(kind, event["data"])
        elif kind == "ready" and type(event.get("protocol")) is int:
            self.protocol = event["protocol"]
        elif kind == "error" and isinstance(event.get("message"), str):
            self.error = event["message"]
        elif event.get("execution") != self._execution:
            self.garbage += 1
        elif kind == "started" and _is_time(event.get("time")):
            self.started = self.started or float(event["time"])
        elif kind == "exit" and _is_exit(event):
            self.exit = event
        else:
            self.garbage += 1

    def _keep(self, stream: str, text: str) -> None:
        room = _TEXT_CHARACTERS - self._kept
        # A lone surrogate can be written in JSON, but not in UTF-8.
        text = text[:room].encode("utf-8", "replace").decode("utf-8")
        if text:
            self._kept += len(text)
            self._out[stream].append(text)


def _is_exit(event: dict[str, Any]) -> bool:
    return (
        all(name in event and _is_a(event[name], types) for name, types in _EXIT_FIELDS.items())
        and _is_time(event["time"])
        and all(_is_file(file) for file in event["files"])
    )


def _is_a(value: Any, types: tuple[type, ...]) -> bool:
    """Whether it is of one of these types; True is no int, and NaN and infinity are no numbers."""
    if type(value) not in types:
        return False
    return not isinstance(value, _NUMBER) or abs(value) <= _LARGEST


def _is_time(value: Any) -> bool:
    return _is_a(value, _NUMBER) and 0 <= value < _LATEST


def _is_file(file: Any) -> bool:
    return (
        isinstance(file, dict)
        and isinstance(file.get("path"), str)
        and isinstance(file.get("base64"), str)
    )
