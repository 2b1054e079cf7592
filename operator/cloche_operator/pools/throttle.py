"""Limits how many Pods start at a time, and gives each tenant its turn.

The start of a Pod takes more than half a second of CPU time. It doubles the time of a program that
runs meanwhile, and several starts at once are worse. So the pools wait for a pause. The fewer Pods
a pool has left, the less it waits. Without a limit, a tenant with many programs at once would take
the nodes' CPUs from all other tenants for many seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from contextlib import asynccontextmanager, contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

from cloche_kube.retry import backoff
from cloche_operator.queue.waitlist import came

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from collections.abc import Set as AbstractSet

_QUIET_SECONDS = 0.15
"""Seconds without a program that make a pause. A client that sends one request after the other
returns sooner."""
_IDLE_SECONDS = 5.0
"""Seconds without a program after which starts disturb no client. Before that, a pool that is not
low gets one Pod at a time."""
_BUSY_SECONDS = 1.0
"""Seconds for which a pool that is not low waits for a pause. Then it gets a Pod without one."""
_LOW_SECONDS = 0.25
"""The same for a pool that is low. Most programs end sooner, so the start that replaces the Pod of
a program does not slow down this program, which the client waits for."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 2.0, 60.0
_HELD_SECONDS = 5.0
"""Seconds after which an unfinished start no longer counts. It waits for an image or a node, which
takes no CPU time here and must not delay other starts."""
_ACTIVE_SECONDS = 10.0
"""Seconds for which a tenant counts as active after its last program has come."""
_PART = 4
"""The tenant that holds most gets one start of this number, while other tenants are active."""


class Need(IntEnum):
    """How urgently a pool needs a Pod."""

    LITTLE = 0
    """It has half of its Pods or more: it gets a Pod in pauses, or after `_BUSY_SECONDS`."""
    LOW = 1
    """It has less than half: it gets one at a time, in pauses or after `_LOW_SECONDS`."""
    SHORT = 2
    """It has less than a quarter: it gets several at once."""
    URGENT = 3
    """It has none, or executions wait for one: it gets as many at once as allowed."""


class Pace:
    """Counts running programs, and decides how many Pods the pools may start meanwhile."""

    def __init__(self, concurrency: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._concurrency = concurrency
        self._clock = clock
        self._running = 0
        self._ended = -_IDLE_SECONDS
        self._started = -_BUSY_SECONDS
        self._busy_since = -_BUSY_SECONDS
        """When the first program after the last pause began."""

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count a program as running within this block."""
        if self.quiet:
            self._busy_since = self._clock()
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._ended = self._clock()

    @property
    def running(self) -> int:
        """The number of running programs."""
        return self._running

    @property
    def quiet(self) -> bool:
        """Whether no program runs, and the last one ended `_QUIET_SECONDS` ago or earlier."""
        return not self._running and self._clock() - self._ended >= _QUIET_SECONDS

    def allows(self, starting: int, need: Need) -> bool:
        """Return whether a pool with this need may start a Pod while `starting` others start."""
        idle = not self._running and self._clock() - self._ended >= _IDLE_SECONDS
        if idle or need is Need.URGENT:
            return starting < self._concurrency
        if need is Need.SHORT:
            return starting < (self._concurrency + 1) // 2
        waited = self._clock() - max(self._started, self._busy_since)
        patience = _LOW_SECONDS if need is Need.LOW else _BUSY_SECONDS
        return not starting and (self.quiet or waited >= patience)

    def started(self) -> None:
        """Record that a pool has started a Pod."""
        self._started = self._clock()


class Backoff:
    """An exponential back-off: retries after 2 s, then after twice as long, up to 60 s."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.failures = 0
        """Failures since the last success."""
        self._delays = backoff(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        self._not_before = 0.0

    def succeeded(self) -> None:
        """Record a success."""
        self.failures = 0
        self._delays = backoff(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        self._not_before = 0.0

    def failed(self) -> None:
        """Record a failure. Failures within the pause count as the one that began it."""
        if self.seconds:
            return
        self.failures += 1
        self._not_before = self._clock() + next(self._delays)

    @property
    def seconds(self) -> float:
        """Seconds until the next retry; 0 if it may be now."""
        return max(0.0, self._not_before - self._clock())


class ActiveTenants:
    """The tenants whose last program came within `seconds`."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._came: dict[str, float] = {}
        """When each tenant's last program came, in the order of these times."""

    def came(self, tenant: str) -> None:
        """Record that a program of this tenant has come."""
        self._came.pop(tenant, None)
        self._came[tenant] = self._clock()
        self._forget()

    def now(self) -> AbstractSet[str]:
        """Return the active tenants."""
        self._forget()
        return self._came.keys()

    def _forget(self) -> None:
        latest = self._clock() - self._seconds
        while self._came and next(iter(self._came.values())) < latest:
            del self._came[next(iter(self._came))]


class Starts:
    """The starts that are under way, and those that wait to begin.

    The next start is given to the waiting tenant with the fewest starts under way; of several, to
    the one whose last turn was longest ago. While other tenants are active too, a tenant that holds
    more than an even part of what all tenants hold comes after them, and has a quarter of the
    starts at most. Its programs often end and begin at the same time, and the CPU time of these
    starts delays the programs of the others. It does not wait forever, because its part becomes
    smaller as its programs end.

    Args:
        most: returns how many starts may be under way.
        part: returns the part that a tenant holds of what all tenants hold now.
    """

    def __init__(
        self,
        most: Callable[[], int],
        part: Callable[[str], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._part = part
        self._active = ActiveTenants(_ACTIVE_SECONDS, clock)
        self._under_way: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """The turns that each tenant waits for. The tenant whose last turn was longest ago is
        first."""

    def active(self, tenant: str) -> None:
        """Record that a program of this tenant has come."""
        self._active.came(tenant)

    @asynccontextmanager
    async def one(self, tenant: str) -> AsyncIterator[None]:
        """Wait for the tenant's turn, and count a start for the block or until it takes too long.

        `tenant` is empty for a Pod of a pool.
        """
        await self._turn(tenant)
        ended = False

        def end() -> None:
            nonlocal ended
            if not ended:
                ended = True
                self._end(tenant)

        timer = asyncio.get_running_loop().call_later(_HELD_SECONDS, end)
        try:
            yield
        finally:
            timer.cancel()
            end()

    async def _turn(self, tenant: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if came(turn):
                self._end(tenant)
            else:
                self._remove(tenant, turn)
            raise

    def _end(self, tenant: str) -> None:
        self._under_way[tenant] -= 1
        self._under_way += Counter()  # forgets tenants without a start
        self._admit()

    def _admit(self) -> None:
        most = self._most()
        while self._under_way.total() < most:
            tenant = self._next(most)
            if tenant is None:
                return
            turns = self._waiting.pop(tenant)
            turn = turns.popleft()
            if turns:
                self._waiting[tenant] = turns  # behind the other tenants
            if not turn.done():
                self._under_way[tenant] += 1
                turn.set_result(None)

    def _remove(self, tenant: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(tenant, deque())
        if turn in turns:
            turns.remove(turn)
        if not turns:
            self._waiting.pop(tenant, None)

    def _next(self, most: int) -> str | None:
        """Return the tenant that may begin the next start, or None if none may."""
        large = self._large()
        part = max(1, most // _PART)
        may = [name for name in self._waiting if name not in large or self._under_way[name] < part]
        return min(may, key=lambda name: (name in large, self._under_way[name]), default=None)

    def _large(self) -> AbstractSet[str]:
        """Return the tenants that hold more than an even part, if several tenants are active."""
        # A tenant whose program waits for its start is active, however long the start takes.
        tenants = {*self._active.now(), *self._under_way, *self._waiting} - {""}
        return {
            name for name in tenants if len(tenants) > 1 and self._part(name) > 1 / len(tenants)
        }
