"""The connection of the interpreter to the supervisor, and the interrupts that come over it.

Descriptor 3 has requests and descriptor 4 takes messages. Both are JSON after its length in 4 bytes
(big-endian). A cell runs in this process and can forge any message, so the supervisor trusts none.
"""

from __future__ import annotations

import _thread
import json
import os
import signal


class Interrupts:
    """SIGINT raises KeyboardInterrupt in a running cell, and is dropped at any other time."""

    def __init__(self) -> None:
        self._thread = _thread.get_ident()
        self._armed = False
        self._held = False
        self._late = False
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def arm(self) -> None:
        """Let SIGINT interrupt from now on."""
        self._armed, self._late = True, False
        signal.signal(signal.SIGINT, self._handle)

    def disarm(self) -> None:
        """Drop SIGINT from now on."""
        self._armed = False
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def __enter__(self) -> None:
        """Put an interrupt off until the block ends, if this is the thread that would get it."""
        if _thread.get_ident() == self._thread:
            self._held = True

    def __exit__(self, *_: object) -> None:
        if _thread.get_ident() != self._thread:
            return
        self._held = False
        if self._late and self._armed:
            self._late = False
            raise KeyboardInterrupt

    def _handle(self, *_: object) -> None:
        if self._held:
            self._late = True
        elif self._armed:
            raise KeyboardInterrupt


class Channel:
    """Requests and messages, on descriptors that programs started by a cell do not inherit."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._requests, self._messages = os.dup(3), os.dup(4)
        os.close(3)
        os.close(4)
        self._interrupts = interrupts
        self._lock = _thread.allocate_lock()

    def receive(self) -> dict[str, object]:
        """Wait for a request. The process ends if there will be none."""
        return json.loads(self._read(int.from_bytes(self._read(4), "big")))

    def send(self, message: dict[str, object]) -> None:
        """Send a message as a whole."""
        data = json.dumps(message).encode()
        data = len(data).to_bytes(4, "big") + data
        with self._interrupts, self._lock:
            while data:
                data = data[os.write(self._messages, data) :]

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            part = os.read(self._requests, length - len(data))
            if not part:
                os._exit(0)
            data += part
        return data
