"""Limit on reading the bodies of requests that were rejected before the body had arrived.

The rest of such a body is read and discarded, so that a client that first sends everything sees the
response. Without a limit, a client could load the gateway with large requests that are meant to be
rejected.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cloche_api.limits import MIB

if TYPE_CHECKING:
    from collections.abc import Callable

_BYTES_PER_SECOND = 2 * MIB
"""The long-term rate for each tenant, and for all clients without a key together."""
_AT_ONCE_BYTES = 64 * MIB
"""The burst: sixteen of the largest bodies, so that several mistakes at a time get responses."""
_LONGEST_SECONDS = 5.0
"""The longest time for which no more is read. Bytes that other connections send meanwhile do not
extend it."""


class Discards:
    """The discarded bytes of each tenant."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[str | None, float] = {}
        """The time at which each tenant's bytes are paid off at the long-term rate."""

    def reads_on(self, tenant: str | None, size: int) -> bool:
        """Count discarded bytes of a tenant and return whether more may be read now.

        `tenant` is None for a client without a key.
        """
        now = self._clock()
        before = max(self._due.get(tenant, 0.0), now - _AT_ONCE_BYTES / _BYTES_PER_SECOND)
        due = min(before + size / _BYTES_PER_SECOND, now + _LONGEST_SECONDS)
        self._due[tenant] = due
        return due <= now
