"""Limits how many Pods start at a time, and gives each tenant its turn.

The start of a Pod takes more than half a second of CPU time. Without a limit, a tenant with many
programs at once would take the nodes' CPUs from all other tenants for many seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cloche_operator.queue.waitlist import came

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_HELD_SECONDS = 5.0
"""Seconds after which an unfinished start no longer counts. It waits for an image or a node, which
takes no CPU time here and must not delay other starts."""


_ACTIVE_SECONDS = 10.0
"""Seconds for which a tenant counts as active after its last program has come."""
_PART = 4
"""The tenant that holds most gets one start of this number, while other tenants are active."""


class Starts:
    """The starts that are under way, and those that wait to begin.

    The next start is given to the waiting tenant with the fewest starts under way; of several, to
    the one that has waited longest. While other tenants run programs too, a tenant that holds more
    than an even part of what all tenants hold gets a quarter of the starts at most. Its programs
    often end and begin at the same time, and the CPU time of these starts delays the programs of
    the others.

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
        self._clock = clock
        self._active: dict[str, float] = {}
        """When the last program of each active tenant has come, in the order of these times."""
        self._under_way: Counter[str] = Counter()
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

    def active(self, tenant: str) -> None:
        """Record that a program of this tenant has come."""
        now = self._clock()
        self._active.pop(tenant, None)
        self._active[tenant] = now
        while now - next(iter(self._active.values())) > _ACTIVE_SECONDS:
            del self._active[next(iter(self._active))]

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
        place = (tenant, turn)
        self._waiting.append(place)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if came(turn):
                self._end(tenant)
            elif place in self._waiting:
                self._waiting.remove(place)
            raise

    def _end(self, tenant: str) -> None:
        self._under_way[tenant] -= 1
        self._under_way += Counter()  # forgets tenants without a start
        self._admit()

    def _admit(self) -> None:
        most = self._most()
        while self._under_way.total() < most:
            may = [place for place in self._waiting if self._may(place[0], most)]
            if not may:
                return
            place = min(may, key=lambda waiting: self._under_way[waiting[0]])
            self._waiting.remove(place)
            tenant, turn = place
            if not turn.done():
                self._under_way[tenant] += 1
                turn.set_result(None)

    def _may(self, tenant: str, most: int) -> bool:
        """Return whether the tenant may begin another start."""
        return self._under_way[tenant] < max(1, most // _PART) or not self._has_a_part(tenant)

    def _has_a_part(self, tenant: str) -> bool:
        """Return whether the tenant gets only a part: it holds most, and others are active."""
        if not tenant:
            return False
        latest = self._clock() - _ACTIVE_SECONDS
        tenants = sum(since >= latest for since in self._active.values())
        return tenants > 1 and self._part(tenant) > 1 / tenants
