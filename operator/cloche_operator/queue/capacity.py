"""Admission: programs run as long as the sum of their demands fits the nodes.

- A tenant holds at most a part of the capacity (`tenant_share`) and leaves room for one default
  program, even if nothing else waits, because running programs are never stopped for others.
- All sessions together hold at most a part of it (`session_share`), because they hold it for long.
- Within a tenant the queue is first come, first served. Between tenants, the one that uses least
  is next. Executions whose group has reached its concurrency limit are skipped.
- An execution that does not fit lets others pass for `_PATIENCE_SECONDS`. After that, freed
  capacity is reserved for it, except for the room of one default program, which stays open to
  other tenants.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_operator.model.resources import Demand, demand_of, total_of
from cloche_operator.queue.limits import Bound, Space, Usage
from cloche_operator.queue.waitlist import Waitlist, came

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cloche_operator.kube.api import Kube
    from cloche_operator.model.node import Node
    from cloche_operator.queue.limits import Share
    from cloche_operator.settings import Settings
    from cloche_operator.state.cache import Runtime

_PATIENCE_SECONDS = 5.0
"""Seconds for which a waiter that does not fit lets others pass. Another tenant's small program may
have to wait this long."""


@dataclass(frozen=True, eq=False)
class _Waiter:
    """A place in a tenant's queue."""

    share: Share
    turn: asyncio.Future[None]
    since: float


class Capacity:
    """Admits executions and sessions. The state is local, because only the leader admits."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self.space = Space(settings)
        """The capacity of the nodes."""
        self.waitlist = Waitlist(settings)
        """Everything that waits, for capacity or for a turn in a session."""
        self.usage = Usage(self.space)
        """What running executions and sessions use."""
        self._beside: set[Share] = set()
        self._lines: dict[str, deque[_Waiter]] = {}
        self._kept_for: _Waiter | None = None

    async def refresh(self, kube: Kube, runtimes: Iterable[Runtime]) -> None:
        """Read the capacity of the nodes again, for the Pods of these runtimes.

        Raises:
            UnavailableError: the API server does not answer; the known capacity stays in use.
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
        """Replace the known nodes (see `Space.set_nodes`) and admit what fits now."""
        self.space.set_nodes(at, default)
        self._admit()

    def occupy(self, share: Share) -> None:
        """Count an execution that is already running, even if it does not fit."""
        self.usage.add(share)

    async def take(self, share: Share, on_wait: Callable[[], None] | None = None) -> None:
        """Wait until the share fits, and count it. `give_back` must follow.

        While no node is ready, everything waits, because nodes may come back. `on_wait` is called
        before the first wait, if there is one.

        Raises:
            EndedError: Unschedulable if it can never fit, QueueFull or QueueTimeout.
        """
        self.space.check(share.demand, share.place, is_session=share.is_session)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(share, turn, self._clock())
        self._lines.setdefault(share.tenant, deque()).append(waiter)
        self._admit()
        if turn.done():
            return
        if on_wait is not None:
            on_wait()
        try:
            await self.waitlist.wait(share.tenant, share.size, turn, lambda: self._why(share))
        except BaseException:
            if came(turn):
                self.give_back(share)  # it was admitted while it gave up
            else:
                self._leave(waiter)
            raise

    def give_back(self, share: Share) -> None:
        """Release the share of an execution or session that has ended."""
        self.usage.remove(share)
        self._beside.discard(share)
        self._admit()

    def _why(self, share: Share) -> str:
        if self.space.is_away:
            return "No sandbox node was ready"
        reached = self.usage.reached(share)
        if reached is Bound.TENANT and not self.usage.has_room(share):
            return Bound.ROOM  # the nodes are full: a larger tenant share would not help
        return reached or Bound.ROOM

    def _leave(self, waiter: _Waiter) -> None:
        self._take_out(waiter)
        self._admit()

    def _take_out(self, waiter: _Waiter) -> None:
        line = self._lines.get(waiter.share.tenant, deque())
        if waiter in line:
            line.remove(waiter)
            if not line:
                del self._lines[waiter.share.tenant]

    def _admit(self) -> None:
        """Admit everything that may run now."""
        while (found := self._next()) is not None:
            waiter, is_beside = found
            self.occupy(waiter.share)
            if is_beside:
                self._beside.add(waiter.share)
            waiter.turn.set_result(None)
            self._take_out(waiter)
            if line := self._lines.pop(waiter.share.tenant, None):
                self._lines[waiter.share.tenant] = line  # after others with the same usage

    def _next(self) -> tuple[_Waiter, bool] | None:
        """Return the next waiter to admit, and whether it passes one that has a reservation."""
        first = list(self._candidates())
        kept_for = self._kept_for = self._to_keep_for(first)
        if kept_for is not None and self.usage.has_room(kept_for.share):
            return kept_for, False
        for waiter in first:
            if not self.usage.has_room(waiter.share):
                continue
            if kept_for is None:
                return waiter, False
            if waiter.share.tenant != kept_for.share.tenant and self._fits_beside(waiter):
                return waiter, True
        return None

    def _candidates(self) -> Iterator[_Waiter]:
        """Yield each tenant's first waiter that only lacks room, lowest usage first."""
        total = self.space.total
        for tenant in sorted(self._lines, key=lambda t: self.usage.of(t).dominant_share(total)):
            for waiter in self._lines[tenant]:
                if waiter.turn.done():
                    continue  # cancelled or refused; its task has not left the queue yet
                reached = self.usage.reached(waiter.share)
                if reached in {Bound.GROUP, Bound.SESSIONS}:
                    continue
                if reached is not Bound.TENANT:
                    yield waiter
                break

    def _to_keep_for(self, first: list[_Waiter]) -> _Waiter | None:
        """Return the waiter for which freed capacity is reserved, if there is one.

        It has let others pass for long enough. Of several, it is the one whose tenant uses least,
        and it keeps the reservation until it runs. It must not take its tenant beyond an even
        part of the capacity, unless the tenant runs nothing else.
        """
        if self._kept_for in first:
            return self._kept_for
        latest = self._clock() - _PATIENCE_SECONDS
        tenants = self.usage.tenants | self._lines.keys()
        even = self.space.total.part(1 / max(1, len(tenants)))
        for waiter in first:
            mine = self.usage.of(waiter.share.tenant)
            is_even = not any(mine.amounts) or (mine + waiter.share.demand).fits(even)
            if is_even and waiter.since <= latest:
                return waiter
        return None

    def _fits_beside(self, waiter: _Waiter) -> bool:
        beside = total_of(share.demand for share in self._beside)
        return (beside + waiter.share.demand).fits(self.space.default)
