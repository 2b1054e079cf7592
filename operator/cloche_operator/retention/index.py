"""The index of the stored records, which are the ended executions, without their outputs.

It knows the size and the expiry of each record, so that finding those to remove needs no listing. A
listing fills it when this operator begins to lead, the ends that this operator records keep it
current, and further listings correct it, because others may delete records. Pure:
`leader.collector` lists and deletes.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from typing import TYPE_CHECKING

from cloche_api.resources import tombstone
from cloche_operator.retention.excess import Bounds, Record, excess

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_api.resources.typed_dicts import ExecutionStatusDict
    from cloche_operator.model.execution import Execution
    from cloche_operator.settings import Settings

METADATA_BYTES = 2048
"""Bytes of a record besides spec and status: names, labels and managed fields."""


class Records:
    """The records in the order of their end, their total size, and the bounds on them."""

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
        """Set when a bound is exceeded. Retention clears it."""
        self.full_changed = asyncio.Event()
        """Set when `full` has changed."""

    def __len__(self) -> int:
        return len(self._records)

    @property
    def size(self) -> int:
        """Bytes of all records, including those that cannot be removed."""
        return self._size + self._stuck_size

    @property
    def full(self) -> bool:
        """Whether new executions are refused, because `storage_hard_bytes` is reached.

        It ends halfway between that bound and `retention_bytes`, so that it does not flap.
        """
        return self._full

    @property
    def pressure(self) -> float:
        """How far a bound is exceeded: 0 within it, 1 at the hard one or a quarter too many."""
        hard, soft = self._settings.storage_hard_bytes, self._settings.retention_bytes
        most = self._settings.retention_executions
        size = (self._size - soft) / (hard - soft)
        count = (len(self._records) - most) / max(1, most / 4)
        return min(1.0, max(0.0, size, count))

    def begun(self, execution: Execution) -> int:
        """Count the bytes of an unfinished execution, once. Return the bytes of its spec."""
        self._forget_unfinished(execution.uid)
        size = execution.stored_size + METADATA_BYTES
        self._unfinished[execution.uid] = size
        self._unfinished_size += size
        self._judge()
        return execution.size

    def ended(self, execution: Execution, final: ExecutionStatusDict) -> None:
        """Add an execution whose final status was written."""
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
        """Forget an unfinished execution. Without a call of `ended`, its end was not written."""
        self._forget_unfinished(uid)
        self._judge()

    def begin_listing(self) -> None:
        """Collect what ends from now on, because a listing that begins now may not contain it."""
        self._while_listing = {}

    def replace(self, listed: Iterable[Record]) -> None:
        """Replace the records with those of a listing and those that ended since it began.

        Executions of the gateway have the same ttlSecondsAfterFinished, so they expire in the
        order of their end.
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
        """Remove a record that was deleted."""
        if self._records.get(record.name) == record:
            self._drop(record.name)
            self._judge()

    def stays(self, record: Record) -> None:
        """Keep count of a record that was deleted but that a finalizer keeps.

        Its bytes count towards the hard bound, as they do after a listing, but it displaces no
        other record. After the next listing its deletion is tried again.
        """
        self._drop(record.name)
        if record.name not in self._stuck:
            self._stuck[record.name] = record
            self._stuck_size += record.size
        self._judge()

    def due(self, now: float) -> list[Record]:
        """Return the records to delete: the expired ones, and those beyond the bounds."""
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
        """Decide whether new executions are refused."""
        hard, soft = self._settings.storage_hard_bytes, self._settings.retention_bytes
        bound = (hard + soft) / 2 if self._full else hard
        if self._full != (full := self.size + self._unfinished_size >= bound):
            self._full = full
            self.full_changed.set()
