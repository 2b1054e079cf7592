"""Read the input: a hello, then frames."""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.system.signals import Signals

VERSION = 1
HELLO = b"CLO" + bytes([VERSION])
FRAME_BYTES_MAX = 4 * 1024 * 1024
_LENGTH_BYTES = 4
_READ_BYTES = 65536


class ProtocolError(Exception):
    """The input is invalid. The message goes into the `error` event."""


class Input:
    """Standard input, read in exact numbers of bytes while signals are handled."""

    def __init__(self, fd: int, signals: Signals) -> None:
        self._fd = fd
        self._signals = signals
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self._poll.register(signals.fd, select.POLLIN)

    def hello(self) -> None:
        """Wait without limit for the hello.

        Raises:
            ProtocolError: it is a different hello, or the input has ended.
            Terminated: SIGTERM was received.
        """
        data = self._read(len(HELLO))
        if len(data) < len(HELLO):
            raise ProtocolError("the input ended before the hello was complete")
        if data[:3] != HELLO[:3]:
            raise ProtocolError("hello: must be the bytes CLO and the protocol version")
        if data != HELLO:
            raise ProtocolError(
                f"hello: protocol version {data[3]} is not supported; the only one is {VERSION}"
            )

    def frame(self) -> bytes:
        """Return the content of one frame, which is preceded by its length: 4 bytes, big-endian.

        Raises:
            ProtocolError: it is too large, or the input ended within it.
            Terminated: SIGTERM was received.
        """
        return self._content(self._read(_LENGTH_BYTES))

    def next_frame(self) -> bytes | None:
        """Wait without limit for another frame; return None if the input ends before it.

        Raises:
            ProtocolError: it is too large, or the input ended within it.
            Terminated: SIGTERM was received.
        """
        head = self._read(_LENGTH_BYTES)
        return self._content(head) if head else None

    def arrives(self, seconds: float) -> bool:
        """Wait up to `seconds` for input, and return whether there is some, or its end.

        Raises:
            Terminated: SIGTERM was received.
        """
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            ready = {fd for fd, _ in self._poll.poll(max(0, left) * 1000)}
            if self._signals.fd in ready:
                self._signals.read()
            if self._fd in ready:
                return True
            if left <= 0:
                return False

    def _content(self, head: bytes) -> bytes:
        if len(head) < _LENGTH_BYTES:
            raise ProtocolError("frame: the input ended within the length")
        length = int.from_bytes(head, "big")
        if length > FRAME_BYTES_MAX:
            raise ProtocolError(f"frame: {length} bytes exceed the limit of {FRAME_BYTES_MAX}")
        data = self._read(length)
        if len(data) < length:
            raise ProtocolError(f"frame: the input ended after {len(data)} of {length} bytes")
        return data

    def _read(self, length: int) -> bytes:
        """Return `length` bytes, or fewer if the input ends."""
        data = bytearray()
        while len(data) < length:
            ready = {fd for fd, _ in self._poll.poll()}
            if self._signals.fd in ready:
                self._signals.read()
            if self._fd in ready:
                part = os.read(self._fd, min(_READ_BYTES, length - len(data)))
                if not part:
                    break
                data += part
        return bytes(data)
