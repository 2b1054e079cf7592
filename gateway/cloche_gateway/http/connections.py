"""Idle connections of the server, and the order in which they are ended to make room."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from cloche_gateway.limits.discards import Discards

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_gateway.limits.budget import Budget


class Endable(Protocol):
    """A connection that can be aborted."""

    def end(self) -> None:
        """Abort the connection."""


_GRACE_SECONDS = 1.0
"""How long a new connection has for the head of its first request before it counts as idle."""


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
    """The most connections at a time, not counting the spare ones (`server_protocol`)."""
    send_seconds: float
    """The time limit for a client to read a part of its response (`unsent`)."""
    budget: Budget
    """The budget for data that is held for clients."""
    idle: Idle = field(default_factory=Idle)
    discards: Discards = field(default_factory=Discards)
