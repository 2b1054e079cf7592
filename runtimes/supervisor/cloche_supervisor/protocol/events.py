"""Write events: numbered lines of JSON, through a bounded, non-blocking queue."""

from __future__ import annotations

import json
import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.system.signals import Signals

QUEUE_BYTES = 4 * 1024 * 1024
"""Output that does not fit into this queue is dropped. The 256 KiB that are kept of each stream
become at most 3 MiB (a NUL is 6 bytes of JSON), so the usual limits never fill it."""
LINE_BYTES = 16_000
"""containerd splits log lines at 16 KiB; a longer one would be logged in pieces."""
LOG_BYTES = 3 * 1024 * 1024
"""A supervisor that has written this much takes no further frame. The kubelet rotates a log of 10
MiB (containerLogMaxSize), and the rotated part cannot be read through the API. One execution with
the usual limits adds at most 6.3 MiB (docs/design/protocol.md, Its log)."""
_LOG_PREFIX_BYTES = 48  # containerd's time, stream and tag before each line
_TEXT_CHARACTERS = 12_288
"""Text of this length usually fits into a line, escapes included."""
_WRITE_BYTES = 65_536

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class ReaderGoneError(Exception):
    """The other end of the pipe is closed, so events can no longer be read."""


class Events:
    """Number events and write them as the reader takes them. Only `drain` blocks."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self._number = 0
        self._waiting = bytearray()
        self.logged = 0
        """Bytes that all events so far take in the container's log."""

    @property
    def pending(self) -> bool:
        """Return whether events are waiting to be written."""
        return bool(self._waiting)

    def emit(self, event: str, **fields: object) -> None:
        """Queue an event that must not be lost, and write what the pipe accepts.

        Raises:
            ReaderGoneError: there is no reader.
        """
        self._queue(self._line(event, fields))
        self.flush()

    def data(self, stream: str, text: str) -> bool:
        """Queue a stream's text in lines of at most LINE_BYTES.

        Returns:
            Whether all of it fitted into the queue. If not, the rest was dropped.

        Raises:
            ReaderGoneError: there is no reader.
        """
        pieces = [text[i : i + _TEXT_CHARACTERS] for i in range(0, len(text), _TEXT_CHARACTERS)]
        pieces.reverse()
        while pieces:
            piece = pieces.pop()
            line = self._line(stream, {"data": piece})
            if len(line) > LINE_BYTES and len(piece) > 1:
                half = len(piece) // 2
                pieces += [piece[half:], piece[:half]]
            elif len(self._waiting) + len(line) > QUEUE_BYTES:
                return False
            else:
                self._queue(line)
                self.flush()
        return True

    def flush(self) -> None:
        """Write as much as the pipe accepts without blocking.

        Raises:
            ReaderGoneError: there is no reader.
        """
        while self._waiting:
            try:
                with memoryview(self._waiting) as view:
                    written = os.write(self.fd, view[:_WRITE_BYTES])
            except BlockingIOError:
                return
            except OSError as error:
                raise ReaderGoneError from error
            del self._waiting[:written]

    def drain(self, seconds: float, signals: Signals) -> bool:
        """Wait up to `seconds` until the reader has taken all events, and return whether it has.

        Raises:
            ReaderGoneError: there is no reader.
            Terminated: SIGTERM was received.
        """
        end = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self.fd, select.POLLOUT)
        poll.register(signals.fd, select.POLLIN)
        self.flush()
        while self._waiting:
            left = end - time.monotonic()
            if left <= 0:
                return False
            poll.poll(left * 1000)
            signals.read()
            self.flush()
        return True

    def _line(self, event: str, fields: dict[str, object]) -> bytes:
        line = _encode({"seq": self._number, "event": event, **fields}) + "\n"
        return line.encode(errors="replace")  # an error may contain a file name that is not UTF-8

    def _queue(self, line: bytes) -> None:
        self._waiting += line
        self._number += 1
        self.logged += len(line) + _LOG_PREFIX_BYTES
