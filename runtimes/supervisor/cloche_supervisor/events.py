"""The events that go out: numbered lines of JSON through a bounded, non-blocking queue."""

from __future__ import annotations

import json
import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.signals import Signals

QUEUE_BYTES = 4 * 1024 * 1024
"""Output that finds so much waiting is dropped. The 256 KiB that are kept of either stream grow to
3 MiB at most (a NUL is 6 bytes of JSON), so with the usual limits it never is."""
LINE_BYTES = 16_000
"""containerd cuts log lines at 16 KiB; a longer one would reach the log in pieces."""
LOG_BYTES = 3 * 1024 * 1024
"""A supervisor that has filled so much of its log takes no further frame: at 10 MiB the kubelet
(containerLogMaxSize) rotates it, and what was rotated cannot be read through the API. One execution
with the usual limits adds 6.1 MiB at most (docs/design/protocol.md, Its log)."""
_LOG_PREFIX_BYTES = 48  # containerd puts a time, the stream and a tag before each line
_TEXT_CHARACTERS = 12_288
"""What usually fits a line, escapes included."""
_WRITE_BYTES = 65_536

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class ReaderGoneError(Exception):
    """Nobody can read the events any more: the other end of the pipe is closed."""


class Events:
    """Numbers events and writes them when the reader takes them; never waits but in `drain`."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self._number = 0
        self._waiting = bytearray()
        self.logged = 0
        """Bytes of the log that all events so far fill."""

    @property
    def pending(self) -> bool:
        """Is anything waiting for the reader?"""
        return bool(self._waiting)

    def emit(self, event: str, **fields: object) -> None:
        """Queue an event that must not be lost and write what can be written.

        Raises:
            ReaderGoneError: there is no reader.
        """
        self._queue(self._line(event, fields))
        self.flush()

    def data(self, stream: str, text: str) -> bool:
        """Queue a stream's text in lines of at most LINE_BYTES.

        Returns:
            Whether all of it found room; if not, the rest was dropped.

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
        """Write what the reader takes now.

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
        """Wait until the reader has taken everything, for so long at most. Has it?

        Raises:
            ReaderGoneError: there is no reader.
            Terminated: the order to end.
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
        return line.encode(errors="replace")  # an error may name a file, and that may be no text

    def _queue(self, line: bytes) -> None:
        self._waiting += line
        self._number += 1
        self.logged += len(line) + _LOG_PREFIX_BYTES
