"""Which Pods start now: a few at a time, and each tenant's in its turn.

To start a Pod takes more than half a second of processor time. Without a bound, a tenant whose
programs come all at once takes the nodes' processors from everybody else's for many seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cloche_operator.waitlist import came

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_HELD_SECONDS = 5.0
"""After which a start that is not over counts no longer: it waits for an image or a node, which
takes no processor time here, and nobody may keep others waiting by that."""


_ACTIVE_SECONDS = 10.0
"""After its last program a tenant counts as active for so long."""
_PART = 4
"""The tenant that holds most has one of so many starts while others are active."""


class Starts:
    """The starts that are under way, and who waits to begin one.

    Of the tenants that wait, the one with the fewest starts under way is next; of several, the one
    that has waited longest. While other tenants run programs too, one that holds more than an even
    part of all that tenants hold has a quarter of the starts at most: its programs often end, and
    begin, at the same time, and what they take in that moment is what the others' programs wait
    for.

    Args:
        most: how many starts may be under way.
        part: the part that a tenant holds of what all tenants hold now.
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
        """When the last program came of each tenant that is active, who is latest last."""
        self._under_way: Counter[str] = Counter()
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

    def active(self, tenant: str) -> None:
        """A program of that tenant has come."""
        now = self._clock()
        self._active.pop(tenant, None)
        self._active[tenant] = now
        while now - next(iter(self._active.values())) > _ACTIVE_SECONDS:
            del self._active[next(iter(self._active))]

    @asynccontextmanager
    async def one(self, tenant: str) -> AsyncIterator[None]:
        """Wait for the tenant's turn, and count a start for the block or until it takes too long.

        `tenant` is empty for a Pod that is started for a pool.
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
        """Whether one more start may be the tenant's."""
        if not tenant or self._under_way[tenant] < max(1, most // _PART):
            return True
        latest = self._clock() - _ACTIVE_SECONDS
        tenants = sum(since >= latest for since in self._active.values())
        return tenants < 2 or self._part(tenant) <= 1 / tenants  # noqa: PLR2004  itself and another
