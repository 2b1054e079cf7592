"""The queue of everything that waits. It is limited in number and bytes, in all and per tenant.

What waits is stored in etcd with its complete input, so its bytes count. When the queue is full,
the tenant with the most loses its latest entry to a tenant with less, so that no tenant can fill
the queue for the others.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_api.limits import MIB
from cloche_api.resources.phases import Reason
from cloche_operator.model.status import EndedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_operator.settings import Settings


@dataclass(frozen=True, eq=False)
class _Place:
    """An entry. If it is pushed out, its future gets an EndedError."""

    tenant: str
    size: int
    turn: asyncio.Future[None]


class Waitlist:
    """All entries of all queues."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places: dict[str, dict[_Place, None]] = {}
        self._sizes: dict[str, int] = {}
        self._count = 0
        self._size = 0

    def __len__(self) -> int:
        """Return how many entries wait."""
        return self._count

    @property
    def size(self) -> int:
        """Bytes of the waiting inputs in etcd."""
        return self._size

    async def wait(
        self, tenant: str, size: int, turn: asyncio.Future[None], why: Callable[[], str]
    ) -> None:
        """Wait for the turn. Even if this raises, the turn may have come meanwhile: see `came`.

        Args:
            tenant: the tenant; empty if there is none.
            size: bytes of the input in etcd.
            turn: done when the execution may run.
            why: returns what the execution waited for, for the message of a timeout.

        Raises:
            EndedError: QueueFull at once or when it is pushed out, or QueueTimeout.
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
        """Push out the latest entry of the tenant with the most, if the newcomer has less."""
        richest = max(self._places, key=amount)
        if amount(richest) <= newcomer:
            return False
        latest = next(reversed(self._places[richest]))
        self._leave(latest)
        if not latest.turn.done():
            words = "Others who wait with less took its place in the queue."
            latest.turn.set_exception(EndedError(Reason.QUEUE_FULL, words))
            latest.turn.exception()  # marks it as retrieved: its task may be cancelled
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
    """Return whether the turn has come, and was neither cancelled nor refused."""
    return turn.done() and not turn.cancelled() and turn.exception() is None
