"""What a connection has to send and its client does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

TAKEN_BYTES = 16 * 1024
"""What a client must take in the time that it has, or all of the rest."""


class Backlog:
    """Ends a connection whose client does not take what is there for it.

    A transport keeps what it cannot send, and even one that is closed stays until all is sent:
    without this, for as long as the client likes.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.WriteTransport, seconds: float
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self._left = 0

    def begin(self) -> None:
        """Give the client its time, from now on, for what is there."""
        self.forget()
        self._left = self._transport.get_write_buffer_size()
        if self._left:
            self._timer = self._loop.call_later(self._seconds, self._over)

    def forget(self) -> None:
        """The client has taken enough, or is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _over(self) -> None:
        if self._left - self._transport.get_write_buffer_size() < min(TAKEN_BYTES, self._left):
            self._transport.abort()
        else:
            self.begin()
