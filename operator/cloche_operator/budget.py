"""One budget for the memory that clients fill: the inputs and results that are on their way."""

from __future__ import annotations

import asyncio
from collections import deque


class Hold:
    """Bytes of a budget that somebody holds until they are released."""

    def __init__(self, budget: Budget, size: int) -> None:
        self._budget = budget
        self._size = size

    def release(self) -> None:
        """Give them back; a second time changes nothing."""
        size, self._size = self._size, 0
        if size:
            self._budget._give_back(size)  # noqa: SLF001  the other half of this module


class Budget:
    """So many bytes, first come first served.

    What is larger than the whole budget counts as the whole budget, so that it comes to its turn.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._used = 0
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def used(self) -> int:
        """Bytes that are held."""
        return self._used

    def try_hold(self, size: int) -> Hold | None:
        """These bytes, where they are free and nobody waits for them."""
        size = min(size, self._total)
        if self._line or self._used + size > self._total:
            return None
        self._used += size
        return Hold(self, size)

    async def hold(self, size: int) -> Hold:
        """These bytes, once all who asked before have theirs."""
        if (held := self.try_hold(size)) is not None:
            return held
        size = min(size, self._total)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = (size, turn)
        self._line.append(place)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(size)  # its turn came as it left
            else:
                self._line.remove(place)
                self._admit()
            raise
        return Hold(self, size)

    def _give_back(self, size: int) -> None:
        self._used -= size
        self._admit()

    def _admit(self) -> None:
        while self._line:
            size, turn = self._line[0]
            if turn.cancelled():
                return  # its task has not yet come to leave, and admits the next then
            if self._used + size > self._total:
                return
            self._line.popleft()
            self._used += size
            turn.set_result(None)
