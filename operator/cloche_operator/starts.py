"""Which Pods start now: a few at a time, and each tenant's in its turn.

To start a Pod takes more than half a second of processor time. Without a bound, a tenant whose
programs come all at once takes the nodes' processors from everybody else's for many seconds.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cloche_operator.waitlist import came

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_HELD_SECONDS = 3.0
"""After which a start that is not over counts no longer: it waits for an image or a node, which
takes no processor time here, and nobody may keep others waiting by that."""


class Starts:
    """The starts that are under way, and who waits to begin one.

    Of the tenants that wait, the one with the fewest starts under way is next; of several, the one
    that has waited longest.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._under_way: Counter[str] = Counter()
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

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
        while self._waiting and self._under_way.total() < self._most():
            place = min(self._waiting, key=lambda waiting: self._under_way[waiting[0]])
            self._waiting.remove(place)
            tenant, turn = place
            if not turn.done():
                self._under_way[tenant] += 1
                turn.set_result(None)
