"""Bodies of requests that were refused before all of them had come.

What is left of one is read and dropped, so that a client that sends all first sees its answer. Who
sends large requests only to have them refused would keep the processors busy with that.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cloche_api.limits import MIB

if TYPE_CHECKING:
    from collections.abc import Callable

_BYTES_PER_SECOND = 2 * MIB
"""Of a tenant, and of all clients without a key together, in the long run."""
_AT_ONCE_BYTES = 64 * MIB
"""Sixteen of the largest bodies: each client of a burst of mistakes sees its answer."""
_LONGEST_SECONDS = 5.0
"""For which nothing more is read. What comes meanwhile on other connections makes it no longer."""


class Discards:
    """The bytes that were dropped, by tenant."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[str | None, float] = {}
        """When each tenant's were due at that rate."""

    def reads_on(self, tenant: str | None, size: int) -> bool:
        """Count bytes of a tenant's that were dropped; whether more may be read now.

        `tenant`: None for a client without a key.
        """
        now = self._clock()
        before = max(self._due.get(tenant, 0.0), now - _AT_ONCE_BYTES / _BYTES_PER_SECOND)
        due = min(before + size / _BYTES_PER_SECOND, now + _LONGEST_SECONDS)
        self._due[tenant] = due
        return due <= now
