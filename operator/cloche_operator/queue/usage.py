"""The sums of what runs, by tenant, place, session and group, and the limits that they reach."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cloche_operator.queue.demand import Demand, total_of

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from cloche_api.resources.execution import Concurrency
    from cloche_operator.queue.space import Space


@dataclass(frozen=True, eq=False)
class Share:
    """What one execution or session takes, and which limits apply to it."""

    tenant: str
    demand: Demand
    concurrency: Concurrency | None = None
    """Its group, and how many members of the group may run."""
    place: str = ""
    """The nodes that its Pod may be on (see `Space`)."""
    is_session: bool = False
    size: int = 0
    """Bytes of its input in etcd while it waits."""

    @property
    def group(self) -> tuple[str, str] | None:
        """The group. Its name is local to the tenant."""
        return None if self.concurrency is None else (self.tenant, self.concurrency.group)


class Bound(StrEnum):
    """A limit. The value states what did not happen while an execution waited for it."""

    GROUP = "No execution or session of the same API key ended, of which as many ran as may"
    SESSIONS = "No session ended, of all that sessions may hold,"
    TENANT = "No program of the same tenant, which holds all that one may, ended"
    ROOM = "No capacity came free"


class Usage:
    """The sums over everything that runs, compared with the space."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self.total = Demand()
        """What all executions and sessions take."""
        self._of: dict[str, Demand] = {}
        self._at: dict[str, Demand] = {}
        self._sessions: dict[str, Demand] = {}
        self._running: Counter[tuple[str, str]] = Counter()

    @property
    def tenants(self) -> AbstractSet[str]:
        """The tenants that run something."""
        return self._of.keys()

    def of(self, tenant: str) -> Demand:
        """Return what a tenant's executions and sessions take."""
        return self._of.get(tenant, Demand())

    def part(self, tenant: str) -> float:
        """Return the tenant's part of what all tenants hold, of the resource it has most of."""
        return self.of(tenant).dominant_share(self.total)

    def add(self, share: Share) -> None:
        """Add one that begins to run."""
        self._count(share, share.demand)
        if share.group is not None:
            self._running[share.group] += 1

    def remove(self, share: Share) -> None:
        """Remove one that has ended."""
        self._count(share, Demand() - share.demand)
        if share.group is not None:
            self._running[share.group] -= 1
            self._running += Counter()  # forgets groups of which nothing runs

    def _count(self, share: Share, change: Demand) -> None:
        self.total += change
        sums = [(self._of, share.tenant), (self._at, share.place)]
        if share.is_session:
            sums.append((self._sessions, share.tenant))
        for of, key in sums:
            of[key] = of.get(key, Demand()) + change
            if not any(of[key].amounts):
                del of[key]

    def reached(self, share: Share) -> Bound | None:
        """Return the first limit that leaves no room for it, in the order of `Bound`, or None."""
        if not self._fits_group(share):
            return Bound.GROUP
        if share.is_session and not self._fits_sessions(share):
            return Bound.SESSIONS
        if not (self.of(share.tenant) + share.demand).fits(self._space.of_tenant):
            return Bound.TENANT
        if not self.has_room(share):
            return Bound.ROOM
        return None

    def has_room(self, share: Share) -> bool:
        """Return whether the nodes have room for it, regardless of other limits."""
        there = self._at.get(share.place, Demand())
        return (self.total + share.demand).fits(self._space.total) and (there + share.demand).fits(
            self._space.room(share.place)
        )

    def _fits_group(self, share: Share) -> bool:
        """Return whether its group runs fewer members than the limit that this share states."""
        if share.concurrency is None or share.group is None:
            return True
        return self._running[share.group] < share.concurrency.limit

    def _fits_sessions(self, share: Share) -> bool:
        mine = self._sessions.get(share.tenant, Demand()) + share.demand
        every = total_of(self._sessions.values()) + share.demand
        return mine.fits(self._space.sessions_of_tenant) and every.fits(self._space.sessions)
