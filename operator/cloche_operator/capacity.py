"""How much may run at once: the memory limits of all running executions within a share.

Waiting executions stand in line: first come first served within a tenant, round robin between
tenants, a bounded number of them, each for a bounded time. Those whose group runs as many as it may
are passed by.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_api import quantity
from cloche_api.limits import MIB
from cloche_api.phases import Reason
from cloche_operator.outcome import EndedError

if TYPE_CHECKING:
    from cloche_api.execution import Concurrency
    from cloche_operator.kube import Kube
    from cloche_operator.settings import Settings


@dataclass(frozen=True)
class Share:
    """What one execution, or session, takes: bytes of memory, and a place in its group."""

    tenant: str
    size: int
    concurrency: Concurrency | None = None

    @property
    def group(self) -> tuple[str, str] | None:
        """The group, whose name counts within its tenant."""
        return None if self.concurrency is None else (self.tenant, self.concurrency.group)


@dataclass(frozen=True)
class _Place:
    """A place in the line."""

    share: Share
    turn: asyncio.Future[None]


class Capacity:
    """The memory that running executions share, in bytes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._total = 0
        self._used = 0
        self._running: Counter[tuple[str, str]] = Counter()
        self._lines: dict[str, deque[_Place]] = {}

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

    def occupy(self, share: Share) -> None:
        """Count an execution that runs already, whether or not there is room."""
        self._used += share.size
        if share.group is not None:
            self._running[share.group] += 1

    async def take(self, share: Share) -> None:
        """Return when there is room; `give_back` must follow.

        While no node is ready everybody waits: nodes come back.

        Raises:
            EndedError: Unschedulable when there can never be room, QueueFull, QueueTimeout.
        """
        if 0 < self._total < share.size:
            raise EndedError(
                Reason.UNSCHEDULABLE,
                f"The execution's memory limit of {share.size // MIB} MiB is more than the "
                f"{self._total // MIB} MiB that executions may use on the sandbox nodes.",
            )
        if not self._lines and self._has_room(share) and self._may_run(share):
            self.occupy(share)
            return
        if self.waiting >= self._settings.queue_length:
            raise EndedError(
                Reason.QUEUE_FULL, f"{self._settings.queue_length} executions wait already."
            )
        await self._stand_in_line(share)

    def give_back(self, share: Share) -> None:
        """The execution has ended."""
        self._used -= share.size
        if share.group is not None:
            self._running[share.group] -= 1
            self._running += Counter()  # forgets who has none
        self._admit()

    async def _stand_in_line(self, share: Share) -> None:
        place = _Place(share, asyncio.get_running_loop().create_future())
        self._lines.setdefault(share.tenant, deque()).append(place)
        self._admit()
        try:
            async with asyncio.timeout(self._settings.queue_timeout_seconds):
                await place.turn
        except BaseException as error:
            if place.turn.done() and not place.turn.cancelled():
                self.give_back(share)  # its turn came as it left
            else:
                self._leave(place)
            if isinstance(error, TimeoutError):
                seconds = self._settings.queue_timeout_seconds
                raise EndedError(
                    Reason.QUEUE_TIMEOUT, f"{self._why(share)} within {seconds:g} s."
                ) from error
            raise

    def _why(self, share: Share) -> str:
        if self.is_away:
            return "No sandbox node was ready"
        if not self._may_run(share):
            return "No execution of the same API key ended, of which as many ran as may"
        return "No capacity came free"

    def _leave(self, place: _Place) -> None:
        line = self._lines.get(place.share.tenant, deque())
        if place in line:
            self._take_out(place)
        self._admit()

    def _take_out(self, place: _Place) -> None:
        line = self._lines[place.share.tenant]
        line.remove(place)
        if not line:
            del self._lines[place.share.tenant]

    def _has_room(self, share: Share) -> bool:
        return self._used + share.size <= self._total

    def _may_run(self, share: Share) -> bool:
        """Whether its group has fewer running than its limit, as this execution states it."""
        if share.concurrency is None or share.group is None:
            return True
        return self._running[share.group] < share.concurrency.limit

    def _admit(self) -> None:
        """Let in whoever is first and fits; a large one is not overtaken for ever."""
        while (place := self._next()) is not None:
            if not place.turn.done():
                if not self._has_room(place.share):
                    return
                self.occupy(place.share)
                place.turn.set_result(None)
                served = self._lines.pop(place.share.tenant)
                self._lines[place.share.tenant] = served  # to the end: the next tenant's turn
            # One that is done was cancelled, and its task has not yet come to leave.
            self._take_out(place)

    def _next(self) -> _Place | None:
        """The first of the first tenant that its group does not hold back."""
        for line in self._lines.values():
            for place in line:
                if place.turn.done() or self._may_run(place.share):
                    return place
        return None
