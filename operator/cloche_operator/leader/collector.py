"""Removes records and ended sessions by age, number and bytes, at a low rate.

The index (`records`) shows what to remove, without a listing. The API server's table of all records
is read when this operator begins to lead and every `relist_seconds`. 10,000 records take 2.3 MB in
20 pages, 0.3 s, 0.2 s of the API server's CPU time and 0.04 s of this program's (measured on
Kubernetes 1.36 with two cores).
"""

from __future__ import annotations

import asyncio
import logging
import math
from datetime import datetime
from typing import TYPE_CHECKING

from cloche_api.resources.tombstone import KEY_SECONDS, key_expiration
from cloche_kube.errors import KubeError
from cloche_operator.retention.excess import Record
from cloche_operator.retention.index import METADATA_BYTES
from cloche_operator.retention.removal import Leaving, remove
from cloche_operator.retention.tombstones import Tombstone, Tombstones

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloche_operator.context import Context

SESSION_SECONDS = 3600.0
"""How long an ended session is kept: as long as an execution's record by default."""
SESSIONS = 1000
"""Ended sessions that are kept. They are small, but nothing else limits their number."""

SOURCE_SECONDS = 180.0
"""Within which the execution of a source is created. The gateway tries to create first the source
and then the execution, for `api_timeout_seconds` each and a minute at most, and the API server may
take another minute for a create whose answer was lost."""

_DELETIONS = 4  # at a time; more are hardly faster on two cores
# The pause after a deletion, as a multiple of its duration. It allows about 60 deletions a second,
# or 30 where uids must be read, which is a quarter of a core, and fewer where the API server is
# busy. Under pressure the pause is shorter.
_REST = 15.0
_GATHER_SECONDS = 1.0  # from an exceeded bound to the removal, which then is of many at once
_UNKNOWN_BYTES = 4096  # for a record whose end another version of the operator wrote

log = logging.getLogger(__name__)


class Retention:
    """Keeps the stored records within their bounds while this operator leads."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._records = ctx.records
        self._tombstones = Tombstones()
        self._next_listing = 0.0

    async def keep_for_ever(self) -> None:
        """Remove what is due, every `sweep_seconds` and soon after a bound is exceeded.

        A failure is logged, and the next round tries again.
        """
        while True:
            try:
                await self._keep()
            except KubeError as error:
                log.warning("removal of records interrupted: %s", error)
            except Exception:
                log.exception("removal of records failed")
            try:
                async with asyncio.timeout(self._ctx.settings.sweep_seconds):
                    await self._records.over.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(_GATHER_SECONDS)

    async def _keep(self) -> None:
        began = asyncio.get_running_loop().time()
        if listing := began >= self._next_listing:
            await self._list()
            self._next_listing = began + self._ctx.settings.relist_seconds
        self._records.over.clear()
        if due := self._records.due(self._ctx.now().timestamp()):
            await self._remove(due)
            kept, size = len(self._records), self._records.size
            log.info("removed %d records, %d remain with %d bytes", len(due), kept, size)
        await self._remove_tombstones()
        if listing:
            await self._remove_sessions()
            await self._remove_sources()

    async def _list(self) -> None:
        self._records.begin_listing()
        listed = [
            Record(
                name,
                "",
                tenant,
                (size or _UNKNOWN_BYTES) + METADATA_BYTES,
                _seconds(expires),
                key_expires=_key_expires(expires, ttl, self._ctx.now().timestamp()),
            )
            async for name, tenant, size, expires, ttl in self._ctx.kube.records()
        ]
        self._records.replace(listed)
        self._tombstones.replace(
            [
                Tombstone(name, tenant, _seconds(expires))
                async for name, tenant, expires in self._ctx.kube.tombstones()
            ]
        )
        log.info("%d records are stored with %d bytes", len(self._records), self._records.size)

    async def _remove(self, due: list[Record]) -> None:
        """Delete these records, a few at a time.

        Raises:
            KubeError: the first failure, after all deletions have ended.
        """
        queue = iter(due)
        ends = await asyncio.gather(
            *(self._remove_from(queue) for _ in range(_DELETIONS)), return_exceptions=True
        )
        for error in ends:
            if error is not None:
                raise error

    async def _remove_from(self, queue: Iterator[Record]) -> None:
        clock = asyncio.get_running_loop().time
        for record in queue:
            began = clock()
            if await self._delete(record):
                self._records.remove(record)
            else:
                log.warning("record %s is not removed: it has finalizers", record.name)
                self._records.stays(record)
            await asyncio.sleep((clock() - began) * _REST * (1 - self._records.pressure))

    async def _delete(self, record: Record) -> bool:
        """Delete a record if it is unchanged, after saving its key. Return whether it is gone."""
        kube, uid, key = self._ctx.kube, record.uid, record.key
        if not uid:
            found = await kube.record(record.name)
            if found is None or _seconds(found[1]) != record.expires:
                return True  # it is gone; the next listing shows what has its name now
            uid, _, key = found
        leaving = Leaving(record.name, uid, record.tenant, key, record.key_expires)
        gone, left = await remove(kube, leaving, self._ctx.now())
        if left is not None:
            self._tombstones.add(left)
        return gone

    async def _remove_tombstones(self) -> None:
        """Delete the tombstones whose keys have expired."""
        for one in self._tombstones.due(self._ctx.now().timestamp()):
            found = await self._ctx.kube.tombstone(one.name)
            # An expired key may be used again and leave a new tombstone.
            if found is not None and _seconds(found[1]) < one.expires + 1:
                await self._ctx.kube.delete_tombstone(one.name, found[0])
            self._tombstones.remove(one)

    async def _remove_sessions(self) -> None:
        """Delete the sessions that ended long ago, and the oldest if there are too many."""
        ended = sorted(
            (_seconds(expires), name, uid)
            for name, uid, expires in await self._ctx.kube.ended_sessions()
        )
        latest = self._ctx.now().timestamp() - SESSION_SECONDS
        for n, (expires, name, uid) in enumerate(ended):
            if expires < latest or len(ended) - n > SESSIONS:
                await self._ctx.kube.delete_session(name, uid)

    async def _remove_sources(self) -> None:
        """Delete the sources that have no execution, or whose execution has ended."""
        latest = self._ctx.now().timestamp() - SOURCE_SECONDS
        old = [
            (name, execution)
            async for name, execution, created in self._ctx.kube.sources()
            if _seconds(created) < latest
        ]
        # The sources are listed first: one whose execution is not listed afterwards is not needed.
        unfinished = {name for name, _, _ in await self._ctx.kube.unfinished()} if old else set()
        left = [name for name, execution in old if execution not in unfinished]
        for name in left:
            await self._ctx.kube.delete_source(name)
        if left:
            log.info("removed %d sources without an unfinished execution", len(left))


def _seconds(timestamp: str) -> float:
    """Return Unix time, or infinity without a timestamp: then only number and bytes bound it."""
    return datetime.fromisoformat(timestamp).timestamp() if timestamp else math.inf


def _key_expires(expires: str, ttl: int | None, now: float) -> float:
    """Return the Unix time at which the Idempotency-Key of such a record expires."""
    if not expires or ttl is None:
        return now + KEY_SECONDS
    return key_expiration(datetime.fromisoformat(expires), ttl).timestamp()
