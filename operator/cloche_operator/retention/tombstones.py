"""The index of the tombstones: when each expires, and which exceed the limits. Pure.

A tombstone takes less than 1 KiB of etcd. Their number is limited by how many executions a tenant
may run while a key is valid. The limits here are for tenants with high rates and long TTLs.
"""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

PER_TENANT = 10_000
"""Tombstones of one tenant, 10 MiB. An hour at the default rate limit is 6,000 executions."""
IN_ALL = 50_000
"""Tombstones of all tenants, 50 MiB."""


class Tombstone(NamedTuple):
    """A tombstone. Its name is the execution's."""

    name: str
    tenant: str
    expires: float
    """Unix time."""


class Tombstones:
    """The tombstones of the last listing, and those that this operator has created since."""

    def __init__(self, per_tenant: int = PER_TENANT, in_all: int = IN_ALL) -> None:
        self._per_tenant = per_tenant
        self._in_all = in_all
        self._known: dict[str, Tombstone] = {}

    def __len__(self) -> int:
        return len(self._known)

    def replace(self, listed: Iterable[Tombstone]) -> None:
        """Replace them with a listing. One that was created meanwhile is in the next listing."""
        self._known = {one.name: one for one in listed}

    def add(self, one: Tombstone) -> None:
        """Add one that was created."""
        self._known[one.name] = one

    def remove(self, one: Tombstone) -> None:
        """Remove one that was deleted."""
        self._known.pop(one.name, None)

    def due(self, now: float) -> list[Tombstone]:
        """Return those that have expired, and of too many of a tenant, the first to expire."""
        due = [one for one in self._known.values() if one.expires <= now]
        left: dict[str, list[Tombstone]] = {}
        for one in self._known.values():
            if one.expires > now:
                left.setdefault(one.tenant, []).append(one)
        for of in left.values():
            of.sort(key=lambda one: one.expires, reverse=True)
            while len(of) > self._per_tenant:
                due.append(of.pop())
        counts = Counter({tenant: len(of) for tenant, of in left.items()})
        most = [(-count, tenant) for tenant, count in counts.items()]
        heapq.heapify(most)
        for _ in range(counts.total() - self._in_all):
            count, tenant = most[0]
            due.append(left[tenant].pop())
            heapq.heapreplace(most, (count + 1, tenant))
        return due
