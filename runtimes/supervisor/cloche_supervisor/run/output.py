"""The program's output: decoded, batched in order, cut at the limit, and counted in full."""

from __future__ import annotations

import codecs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.protocol.events import Events

BATCH_SECONDS = 0.02
BURST_LINES = 2048
"""Lines that may be written beyond one for each stream and BATCH_SECONDS, to keep the order of the
streams. A program that changes streams at each byte could otherwise fill the container's log
(docs/design/protocol.md, Size of the log)."""
_BATCH_CHARACTERS = 12_288
ENDS_BYTES = 65_536
"""More than the trace of 1,024 calls that a JVM prints after its message."""

_decoder = codecs.getincrementaldecoder("utf-8")


class Buffer:
    """A stream of which the first `limit` bytes are kept in memory."""

    due: float | None = None

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.data = bytearray()
        self.total = 0

    def feed(self, data: bytes, now: float) -> None:  # noqa: ARG002 - the signature of Stream.feed
        """Add data that was read."""
        self.total += len(data)
        self.data += data[: self._limit - len(self.data)]

    def flush(self) -> None:
        """Do nothing; required by Sink."""


class Ends:
    """The first and the last ENDS_BYTES of a stream, to recognise why a program failed."""

    def __init__(self) -> None:
        self._first = bytearray()
        self._last = bytearray()

    def feed(self, data: bytes) -> None:
        """Add data that was read."""
        if room := ENDS_BYTES - len(self._first):
            self._first += data[:room]
            data = data[room:]
        self._last += data[-ENDS_BYTES:]
        if len(self._last) > 2 * ENDS_BYTES:  # not at each read, because it moves the bytes
            del self._last[:-ENDS_BYTES]

    def data(self) -> bytes:
        """Return both. What is between them is missing without a mark."""
        return bytes(self._first + self._last[-ENDS_BYTES:])


class Order:
    """The order of the streams of a program that started at the monotonic time `start`.

    What is batched in one stream is written before newer output of another, as long as the number
    of lines allows it. Otherwise the order is lost within BATCH_SECONDS.
    """

    def __init__(self, start: float) -> None:
        self._start = start
        self._latest: Stream | None = None
        self.lines = 0
        """Batches written so far."""

    def turn(self, stream: Stream, now: float) -> None:
        """Note that a stream has output, before it is added."""
        latest, self._latest = self._latest, stream
        if latest is None or latest is stream or latest.due is None:
            return
        if self.lines < BURST_LINES + 2 * (now - self._start) / BATCH_SECONDS:
            latest.flush()


class Stream:
    """A stream that is written as events.

    The first `limit` bytes are kept; the rest is counted and dropped. Invalid UTF-8 becomes U+FFFD;
    a character that the limit cuts is dropped. Small writes are batched for BATCH_SECONDS. `ends`
    gets all data.
    """

    def __init__(
        self,
        events: Events,
        name: str,
        limit: int,
        order: Order,
        ends: Ends | None = None,
    ) -> None:
        self._events = events
        self._order = order
        self._name = name
        self._limit = limit
        self._decode = _decoder("replace").decode
        self._text = ""
        self._dropped = False
        self._ends = ends
        self.due: float | None = None
        """When batched text must be written, on the monotonic clock; None if there is none."""
        self.total = 0
        """Bytes that the program has written, kept or not."""

    @property
    def truncated(self) -> bool:
        """Return whether the events contain less than the program wrote."""
        return self._dropped or self.total > self._limit

    def feed(self, data: bytes, now: float) -> None:
        """Add data that was read at the monotonic time `now`."""
        room = self._limit - self.total
        self.total += len(data)
        if self._ends is not None:
            self._ends.feed(data)
        if room > 0:
            self._order.turn(self, now)
            self._text += self._decode(data[:room])
            if self._text and self.due is None:
                self.due = now + BATCH_SECONDS
            if len(self._text) >= _BATCH_CHARACTERS:
                self.flush()

    def flush(self) -> None:
        """Write the batched text."""
        if self._text and not self._dropped:
            self._order.lines += 1
            self._dropped = not self._events.data(self._name, self._text)
        self._text, self.due = "", None

    def finish(self) -> None:
        """End the stream; an incomplete character at its end becomes U+FFFD."""
        if self.total <= self._limit:
            self._text += self._decode(b"", final=True)
        self.flush()


if TYPE_CHECKING:
    from typing import Protocol

    class Sink(Protocol):
        """Takes what a program writes into one pipe."""

        @property
        def due(self) -> float | None:
            """When `flush` must be called, on the monotonic clock; None if there is no need."""

        def feed(self, data: bytes, now: float) -> None:
            """Add data that was read at the monotonic time `now`."""

        def flush(self) -> None:
            """Write what is held back."""
