"""Everybody who waits, whatever for: bounded in number and in bytes, for all and for each tenant.

What waits is stored in etcd with its whole input, so its bytes count. When the queue is full, the
tenant with the most loses its latest to one that has less: nobody can fill it for the others.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_api.limits import MIB
from cloche_api.phases import Reason
from cloche_operator.outcome import EndedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_operator.settings import Settings


@dataclass(frozen=True, eq=False)
class _Place:
    """One that waits. Pushed out, its turn gets an EndedError."""

    tenant: str
    size: int
    turn: asyncio.Future[None]


class Waitlist:
    """All places of all lines."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places: dict[str, dict[_Place, None]] = {}
        self._sizes: dict[str, int] = {}
        self._count = 0
        self._size = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._count

    @property
    def size(self) -> int:
        """Bytes of etcd that the inputs of those who wait take."""
        return self._size

    async def wait(
        self, tenant: str, size: int, turn: asyncio.Future[None], why: Callable[[], str]
    ) -> None:
        """Wait for the turn. Whatever is raised, the turn may have come meanwhile: see `came`.

        Args:
            tenant: whose it is; empty when nobody's.
            size: bytes of etcd that its input takes.
            turn: done when it may run.
            why: says what it waited for, when it waited too long.

        Raises:
            EndedError: QueueFull at once or when it is pushed out, QueueTimeout.
        """
        place = _Place(tenant, size, turn)
        self._enter(place)
        seconds = self._settings.queue_timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                await turn
        except TimeoutError as error:
            raise EndedError(Reason.QUEUE_TIMEOUT, f"{why()} within {seconds:g} s.") from error
        finally:
            self._leave(place)

    def _enter(self, place: _Place) -> None:
        settings, tenant = self._settings, place.tenant
        waiting, size = len(self._places.get(tenant, ())), self._sizes.get(tenant, 0)
        if waiting >= settings.queue_length_per_tenant:
            raise EndedError(Reason.QUEUE_FULL, f"{waiting} executions of the tenant wait already.")
        if waiting and size + place.size > settings.queue_bytes_per_tenant:
            raise EndedError(
                Reason.QUEUE_FULL,
                f"The tenant's executions that wait already take {size // MIB} of "
                f"{settings.queue_bytes_per_tenant // MIB} MiB.",
            )
        while self._count >= settings.queue_length:
            if not self._push_out(lambda t: len(self._places.get(t, ())), waiting + 1):
                raise EndedError(Reason.QUEUE_FULL, f"{self._count} executions wait already.")
        while self._count and self._size + place.size > settings.queue_bytes:
            if not self._push_out(lambda t: self._sizes.get(t, 0), size + place.size):
                raise EndedError(
                    Reason.QUEUE_FULL,
                    f"The executions that wait already take {self._size // MIB} of "
                    f"{settings.queue_bytes // MIB} MiB.",
                )
        self._places.setdefault(tenant, {})[place] = None
        self._sizes[tenant] = size + place.size
        self._count += 1
        self._size += place.size

    def _push_out(self, amount: Callable[[str], int], newcomer: int) -> bool:
        """Push out the latest of the tenant that has most, if that is more than the newcomer's."""
        richest = max(self._places, key=amount)
        if amount(richest) <= newcomer:
            return False
        latest = next(reversed(self._places[richest]))
        self._leave(latest)
        if not latest.turn.done():
            words = "Others who wait with less took its place in the queue."
            latest.turn.set_exception(EndedError(Reason.QUEUE_FULL, words))
            latest.turn.exception()  # its task may have been cancelled: nobody may look at it
        return True

    def _leave(self, place: _Place) -> None:
        places = self._places.get(place.tenant, {})
        if place not in places:
            return  # it was pushed out
        del places[place]
        self._sizes[place.tenant] -= place.size
        self._count -= 1
        self._size -= place.size
        if not places:
            del self._places[place.tenant], self._sizes[place.tenant]


def came(turn: asyncio.Future[None]) -> bool:
    """Whether the turn has come: neither given up nor refused."""
    return turn.done() and not turn.cancelled() and turn.exception() is None
