"""The index of what is stored: every record (an execution that has ended), and never its outputs.

It knows what each takes and when it expires, so that nobody has to list them to find what must go.
It is filled by a listing when this operator begins to lead, kept by what it records itself, and
filled again now and then, for what others deleted. Pure: `retention` lists and deletes.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from cloche_api import tombstone
from cloche_operator.excess import Bounds, excess

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_operator.execution import Execution
    from cloche_operator.settings import Settings

METADATA_BYTES = 2048
"""What a record takes beside spec and status: names, labels, and who wrote which field."""


class Record(NamedTuple):
    """An execution that has ended: some 400 bytes of memory with its place in the index."""

    name: str
    uid: str
    """Empty where a listing has shown it, which leaves out all metadata: it is asked for later."""
    tenant: str
    """Empty when nobody's: what belongs to no tenant shares one bound."""
    size: int
    """Bytes in etcd, but for older revisions."""
    expires: float
    """Seconds since 1970 (UTC) at which its ttlSecondsAfterFinished is over."""
    key: str = ""
    """The hash of what was asked for with its Idempotency-Key. Empty without one, and where a
    listing has shown the record: it is asked for with the uid."""
    key_expires: float = 0.0
    """Seconds since 1970 (UTC) until which such a key counts."""


class Records:
    """The records in the order of their end, their sums, and the bounds on them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._records: dict[str, Record] = {}
        self._size = 0
        self._size_of: dict[str, int] = {}
        self._unfinished: dict[str, int] = {}
        self._unfinished_size = 0
        self._stuck: dict[str, Record] = {}
        self._stuck_size = 0
        self._while_listing: dict[str, Record] | None = None
        self._full = False
        self.over = asyncio.Event()
        """Set when more is kept than may be; cleared by who removes it."""
        self.full_changed = asyncio.Event()
        """Set whenever `full` has changed; cleared by who takes notice."""

    def __len__(self) -> int:
        return len(self._records)

    @property
    def size(self) -> int:
        """Bytes that all records take, also those that cannot be removed."""
        return self._size + self._stuck_size

    @property
    def full(self) -> bool:
        """Whether nothing new is to be taken: `storage_hard_bytes` are reached.

        It ends halfway between that bound and `retention_bytes`, so that it does not flutter.
        """
        return self._full

    @property
    def pressure(self) -> float:
        """How far beyond the bounds: 0 within them, 1 at the hard one or a quarter too many."""
        hard, soft = self._settings.storage_hard_bytes, self._settings.retention_bytes
        most = self._settings.retention_executions
        size = (self._size - soft) / (hard - soft)
        count = (len(self._records) - most) / max(1, most / 4)
        return min(1.0, max(0.0, size, count))

    def begun(self, execution: Execution) -> int:
        """Count what an unfinished execution takes, once; bytes of its spec."""
        self._forget_unfinished(execution.uid)
        size = execution.stored_size + METADATA_BYTES
        self._unfinished[execution.uid] = size
        self._unfinished_size += size
        self._judge()
        return execution.size

    def ended(self, execution: Execution, final: dict[str, Any]) -> None:
        """Take in an execution whose final status, this one, was written."""
        self._forget_unfinished(execution.uid)
        expires = datetime.fromisoformat(final["expirationTime"])
        until = tombstone.key_expiration(expires, execution.spec.ttl_seconds_after_finished)
        record = Record(
            execution.name,
            execution.uid,
            sys.intern(execution.tenant),
            final["storedBytes"] + METADATA_BYTES,
            expires.timestamp(),
            execution.request_sha256 or "",
            until.timestamp(),
        )
        self._add(record)
        if self._while_listing is not None:
            self._while_listing[record.name] = record
        self._judge()

    def left(self, uid: str) -> None:
        """An execution is no longer worked on. Without `ended` before, its end was not written."""
        self._forget_unfinished(uid)
        self._judge()

    def begin_listing(self) -> None:
        """Remember what ends from now on: a listing that begins now may not show it."""
        self._while_listing = {}

    def replace(self, listed: Iterable[Record]) -> None:
        """Take what a listing has shown for all there is, and what ended since it began.

        With the same ttlSecondsAfterFinished, as all have that come through the gateway, the
        order in which they expire is that of their end.
        """
        known, since = self._records, self._while_listing or {}
        self._while_listing = None
        self._records, self._size, self._size_of = {}, 0, {}
        self._stuck, self._stuck_size = {}, 0
        for record in sorted(listed, key=lambda record: record.expires):
            before = known.get(record.name)
            same = before is not None and before.expires == record.expires
            if record.name not in since:
                self._add(before if before and same else record)
        for record in since.values():
            self._add(record)
        self._judge()

    def remove(self, record: Record) -> None:
        """It is deleted."""
        if self._records.get(record.name) == record:
            self._drop(record.name)
            self._judge()

    def stays(self, record: Record) -> None:
        """It was deleted, but somebody's finalizer keeps it.

        Its bytes count towards the hard bound, so that a listing changes nothing; it pushes out no
        other record. The next listing tries it again.
        """
        self._drop(record.name)
        if record.name not in self._stuck:
            self._stuck[record.name] = record
            self._stuck_size += record.size
        self._judge()

    def due(self, now: float) -> list[Record]:
        """What is to be deleted: what has expired by now, and of the rest what is too much."""
        settings = self._settings
        bounds = Bounds(
            settings.retention_executions,
            settings.retention_bytes,
            settings.retention_bytes_per_tenant,
        )
        expired = [record for record in self._records.values() if record.expires <= now]
        kept = (record for record in self._records.values() if record.expires > now)
        return expired + excess(kept, bounds)

    def _add(self, record: Record) -> None:
        self._drop(record.name)
        self._records[record.name] = record
        self._size += record.size
        self._size_of[record.tenant] = self._size_of.get(record.tenant, 0) + record.size
        settings = self._settings
        if (
            len(self._records) > settings.retention_executions
            or self._size > settings.retention_bytes
            or self._size_of[record.tenant] > settings.retention_bytes_per_tenant
        ):
            self.over.set()

    def _drop(self, name: str) -> None:
        if record := self._records.pop(name, None):
            self._size -= record.size
            self._size_of[record.tenant] -= record.size
            if not self._size_of[record.tenant]:
                del self._size_of[record.tenant]

    def _forget_unfinished(self, uid: str) -> None:
        self._unfinished_size -= self._unfinished.pop(uid, 0)

    def _judge(self) -> None:
        """See whether there is room for more."""
        hard, soft = self._settings.storage_hard_bytes, self._settings.retention_bytes
        bound = (hard + soft) / 2 if self._full else hard
        if self._full != (full := self.size + self._unfinished_size >= bound):
            self._full = full
            self.full_changed.set()
