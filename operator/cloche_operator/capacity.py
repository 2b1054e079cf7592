"""How much may run at once: the demands of all running programs within what the nodes have.

- A tenant holds at most a part of all (`tenant_share`), and leaves room for one default program,
  also while nobody waits: what runs is never stopped for others.
- Sessions hold at most a part of all together (`session_share`), for they hold it for long.
- Within a tenant first come, first served; between tenants it is the turn of the one that uses
  least. Those whose group runs as many as it may are passed by.
- One for which there is no room lets others pass for `_PATIENCE_SECONDS`. From then on what comes
  free is kept for it, but for the room of one default program, which stays for the others.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_operator.demand import Demand, demand_of, total_of
from cloche_operator.space import Space
from cloche_operator.waitlist import Waitlist, came

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cloche_api.execution import Concurrency
    from cloche_operator.kube import Kube
    from cloche_operator.nodes import Node
    from cloche_operator.observed import Runtime
    from cloche_operator.settings import Settings

_PATIENCE_SECONDS = 5.0
"""That one for which there is no room lets others pass: what another's small program may wait."""


@dataclass(frozen=True, eq=False)
class Share:
    """What one execution, or session, takes, and by which rules. Each has its own."""

    tenant: str
    demand: Demand
    concurrency: Concurrency | None = None
    """Its group, and how many of that may run."""
    place: str = ""
    """Which nodes its Pod may be on (`Space`)."""
    is_session: bool = False
    size: int = 0
    """Bytes of etcd that its input takes while it waits."""

    @property
    def group(self) -> tuple[str, str] | None:
        """The group, whose name counts within its tenant."""
        return None if self.concurrency is None else (self.tenant, self.concurrency.group)


@dataclass(frozen=True, eq=False)
class _Waiter:
    """A place in a tenant's line."""

    share: Share
    turn: asyncio.Future[None]
    since: float


class Capacity:
    """What running programs share. All of it in this process: the leader alone admits."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self.space = Space(settings)
        """What there is to share."""
        self.waitlist = Waitlist(settings)
        """Everybody who waits, for capacity or for a turn in a session."""
        self._used = Demand()
        self._used_of: dict[str, Demand] = {}
        self._used_at: dict[str, Demand] = {}
        self._sessions: dict[str, Demand] = {}
        self._running: Counter[tuple[str, str]] = Counter()
        self._beside: set[Share] = set()
        self._lines: dict[str, deque[_Waiter]] = {}
        self._kept_for: _Waiter | None = None

    @property
    def used(self) -> Demand:
        """What all that runs takes."""
        return self._used

    def used_by(self, tenant: str) -> Demand:
        """What a tenant's executions and sessions take."""
        return self._used_of.get(tenant, Demand())

    async def refresh(self, kube: Kube, runtimes: Iterable[Runtime]) -> None:
        """Read again what the nodes have for the Pods of these runtimes.

        Raises:
            UnavailableError: the API server does not answer; what was known stays.
        """
        nodes = await kube.nodes(self._settings.node_selector)
        known = list(runtimes)
        tolerations = self._settings.tolerations
        at = {
            runtime.place: [
                node
                for node in nodes
                if node.takes(
                    runtime.spec.node_selector or {}, [*tolerations, *runtime.tolerations]
                )
            ]
            for runtime in known
        }
        at = at or {"": [node for node in nodes if node.takes({}, tolerations)]}
        default = Demand()
        for runtime in known:
            default = default.at_least(demand_of(runtime.spec.resources.defaults))
        self.set_nodes(at, default if known else None)

    def set_nodes(self, at: Mapping[str, list[Node]], default: Demand | None = None) -> None:
        """Take these nodes for all there is (`Space.set_nodes`), and see who may run now."""
        self.space.set_nodes(at, default)
        self._admit()

    def occupy(self, share: Share) -> None:
        """Count an execution that runs already, whether or not there is room."""
        self._count(share, share.demand)
        if share.group is not None:
            self._running[share.group] += 1

    async def take(self, share: Share, on_wait: Callable[[], None] | None = None) -> None:
        """Return when there is room; `give_back` must follow.

        While no node is ready everybody waits: nodes come back. `on_wait` is called before the
        first wait, if there is one.

        Raises:
            EndedError: Unschedulable when there can never be room, QueueFull, QueueTimeout.
        """
        self.space.check(share.demand, share.place, is_session=share.is_session)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(share, turn, self._clock())
        self._lines.setdefault(share.tenant, deque()).append(waiter)
        self._admit()
        if came(turn):
            return
        if on_wait is not None:
            on_wait()
        try:
            await self.waitlist.wait(share.tenant, share.size, turn, lambda: self._why(share))
        except BaseException:
            if came(turn):
                self.give_back(share)  # its turn came as it left
            else:
                self._leave(waiter)
            raise

    def give_back(self, share: Share) -> None:
        """The execution, or session, has ended."""
        self._count(share, Demand() - share.demand)
        self._beside.discard(share)
        if share.group is not None:
            self._running[share.group] -= 1
            self._running += Counter()  # forgets who has none
        self._admit()

    def _count(self, share: Share, change: Demand) -> None:
        self._used += change
        sums = [(self._used_of, share.tenant), (self._used_at, share.place)]
        if share.is_session:
            sums.append((self._sessions, share.tenant))
        for of, key in sums:
            of[key] = of.get(key, Demand()) + change
            if not any(of[key].amounts):
                del of[key]

    def _why(self, share: Share) -> str:
        if self.space.is_away:
            return "No sandbox node was ready"
        if not self._may_run(share):
            return "No execution or session of the same API key ended, of which as many ran as may"
        if not self._has_room(share):
            return "No capacity came free"
        if not self._within_tenant(share):
            return "No program of the same tenant, which holds all that one may, ended"
        if not self._within_sessions(share):
            return "No session ended, of all that sessions may hold,"
        return "No capacity came free"

    def _leave(self, waiter: _Waiter) -> None:
        self._take_out(waiter)
        self._admit()

    def _take_out(self, waiter: _Waiter) -> None:
        line = self._lines.get(waiter.share.tenant, deque())
        if waiter in line:
            line.remove(waiter)
            if not line:
                del self._lines[waiter.share.tenant]

    def _has_room(self, share: Share) -> bool:
        there = self._used_at.get(share.place, Demand())
        return (self._used + share.demand).fits(self.space.total) and (there + share.demand).fits(
            self.space.room(share.place)
        )

    def _may_run(self, share: Share) -> bool:
        """Whether its group has fewer running than its limit, as this execution states it."""
        if share.concurrency is None or share.group is None:
            return True
        return self._running[share.group] < share.concurrency.limit

    def _within_tenant(self, share: Share) -> bool:
        return (self.used_by(share.tenant) + share.demand).fits(self.space.of_tenant)

    def _within_sessions(self, share: Share) -> bool:
        if not share.is_session:
            return True
        mine = self._sessions.get(share.tenant, Demand()) + share.demand
        every = total_of(self._sessions.values()) + share.demand
        return mine.fits(self.space.sessions_of_tenant) and every.fits(self.space.sessions)

    def _admit(self) -> None:
        """Let in whoever may run."""
        while (found := self._next()) is not None:
            waiter, is_beside = found
            self.occupy(waiter.share)
            if is_beside:
                self._beside.add(waiter.share)
            waiter.turn.set_result(None)
            self._take_out(waiter)
            if line := self._lines.pop(waiter.share.tenant, None):
                self._lines[waiter.share.tenant] = line  # last among those that use as much

    def _next(self) -> tuple[_Waiter, bool] | None:
        """Who may run now, and whether that is beside what is kept for another."""
        first = list(self._candidates())
        kept_for = self._kept_for = self._to_keep_for(first)
        if kept_for is not None and self._has_room(kept_for.share):
            return kept_for, False
        for waiter in first:
            if not self._has_room(waiter.share):
                continue
            if kept_for is None:
                return waiter, False
            if waiter.share.tenant != kept_for.share.tenant and self._fits_beside(waiter):
                return waiter, True
        return None

    def _candidates(self) -> Iterator[_Waiter]:
        """The first of each tenant that only room may hold back; who uses least comes first."""
        total = self.space.total
        for tenant in sorted(self._lines, key=lambda t: self.used_by(t).dominant_share(total)):
            for waiter in self._lines[tenant]:
                # One that is done was cancelled or refused, and its task has not yet come to leave.
                if waiter.turn.done() or not self._may_run(waiter.share):
                    continue
                if not self._within_sessions(waiter.share):
                    continue
                if self._within_tenant(waiter.share):
                    yield waiter
                break

    def _to_keep_for(self, first: list[_Waiter]) -> _Waiter | None:
        """The one that has let others pass long enough: what comes free is kept for it.

        Of several it is that of the tenant that uses least, and stays so until it runs. It does not
        take its tenant beyond an even part, or is the tenant's only one.
        """
        if self._kept_for in first:
            return self._kept_for
        latest = self._clock() - _PATIENCE_SECONDS
        tenants = self._used_of.keys() | self._lines.keys()
        even = self.space.total.part(1 / max(1, len(tenants)))
        for waiter in first:
            mine = self.used_by(waiter.share.tenant)
            is_even = not any(mine.amounts) or (mine + waiter.share.demand).fits(even)
            if is_even and waiter.since <= latest:
                return waiter
        return None

    def _fits_beside(self, waiter: _Waiter) -> bool:
        beside = total_of(share.demand for share in self._beside)
        return (beside + waiter.share.demand).fits(self.space.default)
