"""How much may run at once: the memory limits of all running executions within a share.

Waiting executions stand in line: first come first served within a tenant, round robin between
tenants, a bounded number of them, each for a bounded time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from cloche_api import quantity
from cloche_api.limits import MIB
from cloche_api.phases import Reason
from cloche_operator.outcome import EndedError

if TYPE_CHECKING:
    from cloche_operator.kube import Kube
    from cloche_operator.settings import Settings


class Capacity:
    """The memory that running executions share, in bytes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._total = 0
        self._used = 0
        self._lines: dict[str, deque[tuple[int, asyncio.Future[None]]]] = {}

    @property
    def is_away(self) -> bool:
        """Whether no node is ready, as far as is known."""
        return self._total == 0

    @property
    def waiting(self) -> int:
        """Executions that stand in line."""
        return sum(len(line) for line in self._lines.values())

    async def refresh(self, kube: Kube) -> None:
        """Read again what the sandbox nodes can allocate.

        Raises:
            UnavailableError: the API server does not answer; what was known stays.
        """
        memory = await kube.node_memory(self._settings.node_selector)
        self.set_total(sum(quantity.whole(amount) for amount in memory))

    def set_total(self, allocatable: int) -> None:
        """Take a share of so many bytes."""
        self._total = int(allocatable * self._settings.capacity_share)
        self._admit()

    def occupy(self, size: int) -> None:
        """Count an execution that runs already, whether or not there is room."""
        self._used += size

    async def take(self, tenant: str, size: int) -> None:
        """Return when there is room for so many bytes; `give_back` must follow.

        While no node is ready everybody waits: nodes come back.

        Raises:
            EndedError: Unschedulable when there can never be room, QueueFull, QueueTimeout.
        """
        if 0 < self._total < size:
            raise EndedError(
                Reason.UNSCHEDULABLE,
                f"The execution's memory limit of {size // MIB} MiB is more than the "
                f"{self._total // MIB} MiB that executions may use on the sandbox nodes.",
            )
        if not self._lines and self._used + size <= self._total:
            self._used += size
            return
        if self.waiting >= self._settings.queue_length:
            raise EndedError(
                Reason.QUEUE_FULL, f"{self._settings.queue_length} executions wait already."
            )
        await self._stand_in_line(tenant, size)

    def give_back(self, size: int) -> None:
        """The execution has ended."""
        self._used -= size
        self._admit()

    async def _stand_in_line(self, tenant: str, size: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = (size, turn)
        self._lines.setdefault(tenant, deque()).append(place)
        try:
            async with asyncio.timeout(self._settings.queue_timeout_seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.give_back(size)  # its turn came as it left
            else:
                self._leave(tenant, place)
            if isinstance(error, TimeoutError):
                seconds = self._settings.queue_timeout_seconds
                came = "No sandbox node was ready" if self.is_away else "No capacity came free"
                raise EndedError(Reason.QUEUE_TIMEOUT, f"{came} within {seconds:g} s.") from error
            raise

    def _leave(self, tenant: str, place: tuple[int, asyncio.Future[None]]) -> None:
        line = self._lines.get(tenant, deque())
        if place in line:
            line.remove(place)
            if not line:
                del self._lines[tenant]
        self._admit()

    def _admit(self) -> None:
        """Let in whoever is first and fits; a large one is not overtaken for ever."""
        while self._lines:
            tenant, line = next(iter(self._lines.items()))
            size, turn = line[0]
            if turn.done():  # cancelled, and its task has not yet come to leave
                line.popleft()
                if not line:
                    del self._lines[tenant]
                continue
            if self._used + size > self._total:
                return
            line.popleft()
            del self._lines[tenant]
            if line:
                self._lines[tenant] = line  # to the end: the next tenant's turn
            self._used += size
            turn.set_result(None)
