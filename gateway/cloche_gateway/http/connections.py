"""Connections of the server: idle ones, which make room for others, and unsent response data."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from cloche_gateway.errors import OverloadedError
from cloche_gateway.limits.bytes import Discards

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.limits.bytes import Budget

SPARE_CONNECTIONS = 64
"""Connections beyond the limit on which only probes and scrapers are served, so that a full gateway
still passes its probes."""
SPARE_SECONDS = 2.0
"""Time limit for the head on a spare connection. A probe sends it at once."""
_GRACE_SECONDS = 1.0
"""How long a new connection has for the head of its first request before it counts as idle."""
TAKEN_BYTES = 16 * 1024
"""What a client must read within `send_timeout_seconds`, unless less is left."""
TAKEN_SHARE = 8
"""If an eighth of what is left is more, the client must read that: the more is kept for it, the
faster it must read. For the largest response, 1.4 MiB, this is 6 KB/s at first."""
UNCHARGED_BYTES = 32 * 1024
"""The transport pauses writing above this size, and unsent data above it is charged to the memory
budget. Up to this size for each of 2000 connections is part of the process's own memory
(`limits.bytes`)."""
SEND_BYTES = 32 * 1024
"""Size of a connection's send buffer in the kernel. The kernel doubles it for its own use, and it
counts as the container's memory. Data that does not fit stays in the process, where it is charged
to the memory budget."""


class Endable(Protocol):
    """A connection that can be aborted."""

    def end(self) -> None:
        """Abort the connection."""


class Idle:
    """The idle connections, one of which is ended when a client connects to a full server.

    The order is:

    1. connections without a valid key so far, except new ones, whose first request may be on its
       way;
    2. connections that have had a valid key;
    3. new connections.

    Within each group, the one that has been idle longest is ended first. This way a client without
    a key cannot keep out a client with one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._strangers: dict[Endable, float] = {}
        self._known: dict[Endable, float] = {}

    def __len__(self) -> int:
        return len(self._strangers) + len(self._known)

    def add(self, connection: Endable, *, known: bool) -> None:
        """Add a connection that is idle from now on. `known`: it has had a valid key."""
        self.remove(connection)
        (self._known if known else self._strangers)[connection] = self._clock()

    def remove(self, connection: Endable) -> None:
        """Remove a connection on which a request arrived, or which was closed."""
        self._strangers.pop(connection, None)
        self._known.pop(connection, None)

    def end_one(self) -> bool:
        """End one idle connection. Return False if there is none."""
        stranger, since = next(iter(self._strangers.items()), (None, 0.0))
        if stranger is None or self._clock() - since < _GRACE_SECONDS:
            stranger = next(iter(self._known), stranger)
        if stranger is None:
            return False
        self.remove(stranger)
        stranger.end()
        return True


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits and state that all connections of a server share."""

    connections: int
    """The most connections at a time, not counting the spare ones (`SPARE_CONNECTIONS`)."""
    send_seconds: float
    """The time limit for a client to read a part of its response (`Backlog`)."""
    budget: Budget
    """The budget for data that is held for clients."""
    idle: Idle = field(default_factory=Idle)
    discards: Discards = field(default_factory=Discards)


class Backlog:
    """Aborts a connection whose client does not read its response.

    A transport buffers data that it cannot send, and even a closed one stays until all is sent. So
    without a time limit a client could hold the memory for as long as it likes.

    Buffered data is charged to the memory budget, which may abort the connection too, to make room.
    `seconds` is the time limit.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.WriteTransport,
        seconds: float,
        budget: Budget,
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._seconds = seconds
        self._budget = budget
        self._timer: asyncio.TimerHandle | None = None
        self._charge: Charge | None = None
        self._left = 0
        transport.set_write_buffer_limits(high=UNCHARGED_BYTES)

    def begin(self, tenant: str | None) -> None:
        """Start the time limit for the data that is buffered now, and charge the data to `tenant`.

        Abort the connection if the memory budget has no room.
        """
        self.forget()
        self._left = self._transport.get_write_buffer_size()
        if not self._left:
            return
        self._timer = self._loop.call_later(self._seconds, self._over, tenant)
        if self._left <= UNCHARGED_BYTES:
            return
        try:
            size = self._left + 2 * SEND_BYTES
            self._charge = self._budget.charge(tenant, size, cut=self._transport.abort)
        except OverloadedError:
            self._transport.abort()

    def forget(self) -> None:
        """Stop the time limit and release the charge."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._charge is not None:
            self._charge.release()
            self._charge = None

    def _over(self, tenant: str | None) -> None:
        taken = self._left - self._transport.get_write_buffer_size()
        if taken < min(max(TAKEN_BYTES, self._left // TAKEN_SHARE), self._left):
            self._transport.abort()
        else:
            self.begin(tenant)
