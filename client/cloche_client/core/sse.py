"""Read server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field

from cloche_client.errors import UnexpectedAnswerError

_MOST_CHARACTERS = 16 * 1024 * 1024
"""A longer event is not one of Cloche's: the text of an event has at most 256 KiB."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event: its type, its data, and the id after which a stream can be resumed."""

    kind: str
    data: str
    id: str


@dataclass(slots=True)
class Decoder:
    """Decodes the bytes of a stream, which may come in parts of any size."""

    last_id: str = ""
    _begun: list[str] = field(default_factory=list[str])
    """Parts of a line whose end has not come."""
    _kind: str = ""
    _data: list[str] = field(default_factory=list[str])
    _size: int = 0
    _utf8: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )

    def feed(self, chunk: bytes) -> list[Message]:
        """Return the events that this part completes. Raises UnexpectedAnswerError."""
        found: list[Message] = []
        text = self._utf8.decode(chunk)
        *ends, rest = text.split("\n")
        for end in ends:
            line = "".join([*self._begun, end])
            self._begun.clear()
            self._size += len(end)
            if message := self._take(line.removesuffix("\r")):
                found.append(message)
        self._begun.append(rest)
        self._size += len(rest)
        if self._size > _MOST_CHARACTERS:
            raise UnexpectedAnswerError("The server sent an event that is too long.")
        return found

    def _take(self, line: str) -> Message | None:
        if not line:
            message = self._kind and Message(self._kind, "\n".join(self._data), self.last_id)
            self._kind, self._size = "", 0
            self._data.clear()
            return message or None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._kind = value
        elif name == "data":
            self._kind = self._kind or "message"
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self.last_id = value
        return None
