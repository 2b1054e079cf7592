"""A record, and which records to remove when more are stored than may be. Pure."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Record(NamedTuple):
    """An ended execution. It takes about 400 bytes of memory, with its place in the index."""

    name: str
    uid: str
    """Empty if it comes from a listing, which has no metadata; it is read before the deletion."""
    tenant: str
    """Empty without a tenant. All records without a tenant share one bound."""
    size: int
    """Bytes in etcd, without older revisions."""
    expires: float
    """Unix time at which its ttlSecondsAfterFinished has passed."""
    key: str = ""
    """The hash of the request, if it had an Idempotency-Key. Also empty if the record comes from a
    listing; it is then read with the uid."""
    key_expires: float = 0.0
    """Unix time until which the key is valid."""


@dataclass(frozen=True)
class Bounds:
    """Limits on the number of records, on their bytes, and on the bytes of each tenant's."""

    number: int
    size: int
    size_per_tenant: int


def excess(records: Iterable[Record], bounds: Bounds) -> list[Record]:
    """Return the records to remove. `records` must be in the order of their expiry.

    Each one is the oldest of its tenant. When a limit on all tenants is exceeded, the tenant with
    the most records (or bytes) loses its oldest one, so that no tenant's records displace those of
    a tenant with fewer.
    """
    kept: dict[str, deque[Record]] = {}
    for record in records:
        kept.setdefault(record.tenant, deque()).append(record)
    gone: list[Record] = []
    for line in kept.values():
        over = sum(record.size for record in line) - bounds.size_per_tenant
        while over > 0:
            gone.append(line.popleft())
            over -= gone[-1].size
    gone += _of_the_largest(kept, bounds.number, lambda _: 1)
    return gone + _of_the_largest(kept, bounds.size, lambda record: record.size)


def _of_the_largest(
    kept: dict[str, deque[Record]], bound: int, weight: Callable[[Record], int]
) -> list[Record]:
    """Remove the oldest record of the tenant with the most, until the total fits the bound."""
    sums = Counter({tenant: sum(map(weight, line)) for tenant, line in kept.items() if line})
    over = sums.total() - bound
    largest = [(-total, tenant) for tenant, total in sums.items()]
    heapq.heapify(largest)
    gone: list[Record] = []
    while over > 0:
        total, tenant = heapq.heappop(largest)
        gone.append(kept[tenant].popleft())
        over -= weight(gone[-1])
        if kept[tenant]:
            heapq.heappush(largest, (total + weight(gone[-1]), tenant))
    return gone
