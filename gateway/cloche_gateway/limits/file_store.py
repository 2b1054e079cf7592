"""Files that clients upload before the executions that use them, kept in memory for a while.

Those of a tenant are charged to the memory budget and may be cut there: they are dropped when the
gateway needs the memory for requests. So a file is only a cache of what its client can upload
again. They are one charge, because the budget looks at all charges to find the largest one.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cloche_api.accounting.budget import FullError
from cloche_api.limits import KIB, MIB
from cloche_gateway.errors import OverloadedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_api.accounting.budget import ByteBudget, Charge

TENANT_BYTES = 16 * MIB
"""The most of one tenant: the support files of hundreds of questions of a course."""
TOTAL_BYTES = 48 * MIB
"""The most of all tenants: a quarter of the budget of the chart's 512 MiB."""
SECONDS = 3600.0
"""How long a file is kept after its last use: longer than a class works on one exercise."""
_LEAST_BYTES = 4 * KIB
"""What a file counts besides its content. It is more than the memory of the objects that hold it
(1 KiB), so that few enough files are kept to be dropped at once."""


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    size: int
    used: float


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of a tenant by name, the one that was used last at the end."""

    charge: Charge
    by_name: OrderedDict[str, _File] = field(default_factory=OrderedDict)


class FileStore:
    """The files of all tenants."""

    def __init__(self, budget: ByteBudget, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget = budget
        self._clock = clock
        self._tenants: dict[str, _Files] = {}
        self._timer: asyncio.TimerHandle | None = None

    def of(self, tenant: str) -> int:
        """Return the bytes that a tenant holds."""
        found = self._tenants.get(tenant)
        return found.charge.bytes if found else 0

    def total(self) -> int:
        """Return the bytes that all tenants hold."""
        return sum(one.charge.bytes for one in self._tenants.values())

    def put(self, tenant: str, name: str, content: bytes) -> None:
        """Keep a file, instead of one with the same name, and drop older ones if necessary.

        `content` must be smaller than `TENANT_BYTES` by 1 MiB.

        Raises:
            OverloadedError: the memory budget has no room for it.
        """
        self._drop(tenant, name)
        size = len(content) + len(name) + _LEAST_BYTES
        while self.of(tenant) + size > TENANT_BYTES:
            self._drop_oldest(tenant)
        while self.total() + size > TOTAL_BYTES:
            self._drop_oldest(max(self._tenants, key=self.of))
        try:
            kept = self._charged(tenant, size)
        except (FullError, OverloadedError):
            self._drop_all(tenant)
            kept = self._charged(tenant, size)
        kept.by_name[name] = _File(content, size, self._clock())
        self._arm()

    def get(self, tenant: str, name: str) -> bytes | None:
        """Return a file, which counts as used; None if it is not kept."""
        kept = self._tenants.get(tenant)
        found = kept.by_name.get(name) if kept else None
        if kept is None or found is None:
            return None
        now = self._clock()
        if found.used + SECONDS <= now:
            self._drop(tenant, name)
            return None
        kept.by_name[name] = _File(found.content, found.size, now)
        kept.by_name.move_to_end(name)
        return found.content

    def sweep(self) -> None:
        """Drop the files that have not been used for `SECONDS`."""
        due = self._clock() - SECONDS
        for tenant, kept in list(self._tenants.items()):
            while kept.by_name and next(iter(kept.by_name.values())).used <= due:
                self._drop_oldest(tenant)
        self._timer = None
        self._arm()

    def clear(self) -> None:
        """Drop all files."""
        for tenant in list(self._tenants):
            self._drop_all(tenant)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _charged(self, tenant: str, more: int) -> _Files:
        """Return the files of a tenant, which are charged for so many more bytes.

        Raises:
            OverloadedError: there is no room for them.
        """
        kept = self._tenants.get(tenant)
        if kept is None:
            charge = self._budget.charge(tenant, cut=lambda: self._forget(tenant))
            kept = _Files(charge)
        kept.charge.resize(kept.charge.bytes + more)
        self._tenants[tenant] = kept
        return kept

    def _arm(self) -> None:
        """Have the files that are due dropped at the time of the first one."""
        if not self._tenants or self._timer is not None:
            return
        first = min(next(iter(one.by_name.values())).used for one in self._tenants.values())
        seconds = max(0.0, first + SECONDS - self._clock())
        self._timer = asyncio.get_running_loop().call_later(seconds, self.sweep)

    def _drop_oldest(self, tenant: str) -> None:
        self._drop(tenant, next(iter(self._tenants[tenant].by_name)))

    def _drop(self, tenant: str, name: str) -> None:
        kept = self._tenants.get(tenant)
        found = kept.by_name.pop(name, None) if kept else None
        if kept is None or found is None:
            return
        kept.charge.resize(kept.charge.bytes - found.size)
        if not kept.by_name:
            self._forget(tenant)

    def _drop_all(self, tenant: str) -> None:
        if (kept := self._tenants.get(tenant)) is not None:
            kept.charge.release()
            self._forget(tenant)

    def _forget(self, tenant: str) -> None:
        """Remove the files of a tenant, whose charge has been released."""
        self._tenants.pop(tenant, None)
