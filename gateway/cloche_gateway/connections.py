"""Connections on which no request is being answered, in the order in which they may be ended."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from cloche_gateway.discards import Discards

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_gateway.budget import Budget


class Endable(Protocol):
    """A connection that can be ended at once."""

    def end(self) -> None:
        """End it."""


_GRACE_SECONDS = 1.0
"""For the head of a request on a new connection to arrive, before it is taken for an idle one."""


class Idle:
    """Which connection is ended when all are taken and another client comes.

    First those that never had a valid key, but for new ones, on which a request may be on its way;
    then those that had one; then the new ones. Of each kind the one that has been idle longest. So
    a client without a key cannot keep out one that has one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._strangers: dict[Endable, float] = {}
        self._known: dict[Endable, float] = {}

    def __len__(self) -> int:
        return len(self._strangers) + len(self._known)

    def add(self, connection: Endable, *, known: bool) -> None:
        """A connection has nothing to answer from now on; `known`: it has had a valid key."""
        self.remove(connection)
        (self._known if known else self._strangers)[connection] = self._clock()

    def remove(self, connection: Endable) -> None:
        """A request has come on it, or it is gone."""
        self._strangers.pop(connection, None)
        self._known.pop(connection, None)

    def end_one(self) -> bool:
        """End one of them; whether there was one."""
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
    """What all connections of a server share."""

    connections: int
    """How many at a time."""
    send_seconds: float
    """For a client to take its part of what is there for it (`backlog`)."""
    budget: Budget
    """What is kept for clients is charged to it."""
    idle: Idle = field(default_factory=Idle)
    discards: Discards = field(default_factory=Discards)
