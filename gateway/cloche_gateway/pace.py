"""When the next request of a connection is read, where its client costs more than it should.

A client without a valid key, and one that sends requests before it has the answers to earlier ones,
can keep the event loop busy at almost no cost to itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_SECONDS = 0.02
"""Between an answer and the next request: 50 requests per second on a connection, more than a probe
or a browser sends."""
_AT_ONCE = 8
"""Connections that pause so long. More of them pause longer, so that 400 requests per second are
read of all together: about a sixth of a processor."""


class Pace:
    """The pauses of all connections of a server."""

    def __init__(self) -> None:
        self._pauses: set[Callable[[], None]] = set()

    @property
    def seconds(self) -> float:
        """How long a connection pauses that begins to pause now."""
        return _SECONDS * max(1, (len(self._pauses) + 1) / _AT_ONCE)

    def pause(
        self, loop: asyncio.AbstractEventLoop, then: Callable[[], None]
    ) -> asyncio.TimerHandle:
        """Begin a connection's pause, at whose end `then` is called. Each has its own `then`."""

        def over() -> None:
            self.end(then)
            then()

        timer = loop.call_later(self.seconds, over)
        self._pauses.add(then)
        return timer

    def end(self, then: Callable[[], None]) -> None:
        """Count a pause no longer, for its connection has gone; that it is over is fine."""
        self._pauses.discard(then)
