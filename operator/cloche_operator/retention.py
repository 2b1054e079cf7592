"""Records and ended sessions are removed: by age, number and bytes, without haste.

Nothing is listed to find what must go: the index (`records`) knows. The API server's table of all
records is read when this operator begins to lead and every `relist_seconds`; 10,000 records take
2.3 MB in 20 pages, 0.3 s, 0.2 s of the API server's processor time and 0.04 s of this program's
(measured on 1.36 with two cores).
"""

from __future__ import annotations

import asyncio
import logging
import math
from datetime import datetime
from typing import TYPE_CHECKING

from cloche_api.rest import ApiError, UnavailableError
from cloche_api.tombstone import KEY_SECONDS, key_expiration
from cloche_operator.records import METADATA_BYTES, Record
from cloche_operator.removal import Leaving, remove
from cloche_operator.tombstones import Tombstone, Tombstones

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloche_operator.context import Context

SESSION_SECONDS = 3600.0
"""How long an ended session is still told of: as long as an execution's record by default."""
SESSIONS = 1000
"""Ended sessions that are kept; they are small, and nobody bounds how many are asked for."""

SOURCE_SECONDS = 180.0
"""Within which the execution of a source is created: the gateway tries to create the one and then
the other for `api_timeout_seconds` each, a minute at most, and a create without an answer may take
another minute of the API server's."""

_DELETIONS = 4  # at a time: more are hardly faster on two cores
# Times as long as a deletion took is the rest after it: some 60 deletions a second then, 30 where
# uids are asked for, which is a quarter of a core, and fewer where the API server is busy. Under
# pressure the rest is shorter.
_REST = 15.0
_GATHER_SECONDS = 1.0  # from too much to its removal, which then is of many at once
_UNKNOWN_BYTES = 4096  # of a record whose end another version of this program wrote

log = logging.getLogger(__name__)


class Retention:
    """Keeps what is stored within its bounds while this operator leads."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._records = ctx.records
        self._tombstones = Tombstones()
        self._next_listing = 0.0

    async def keep_for_ever(self) -> None:
        """Remove what is due, every sweep_seconds and soon after more is stored than may be.

        What fails is told, and tried again the next time.
        """
        while True:
            try:
                await self._keep()
            except (ApiError, UnavailableError) as error:
                log.warning("removal of records cut short: %s", error)
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
        """Delete these, a few at a time.

        Raises:
            ApiError, UnavailableError: the first failure, when all the others have ended.
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
                log.warning("record %s stays: it has finalizers", record.name)
                self._records.stays(record)
            await asyncio.sleep((clock() - began) * _REST * (1 - self._records.pressure))

    async def _delete(self, record: Record) -> bool:
        """Delete a record, if it is still that one, and keep its key before; whether it is gone."""
        kube, uid, key = self._ctx.kube, record.uid, record.key
        if not uid:
            found = await kube.record(record.name)
            if found is None or _seconds(found[1]) != record.expires:
                return True  # it is gone; one that has taken its name is shown by the next listing
            uid, _, key = found
        leaving = Leaving(record.name, uid, record.tenant, key, record.key_expires)
        gone, left = await remove(kube, leaving, self._ctx.now())
        if left is not None:
            self._tombstones.add(left)
        return gone

    async def _remove_tombstones(self) -> None:
        """Delete the tombstones whose keys count no more."""
        for one in self._tombstones.due(self._ctx.now().timestamp()):
            found = await self._ctx.kube.tombstone(one.name)
            # Once a key counts no more it may be used again, and leave a new tombstone.
            if found is not None and _seconds(found[1]) < one.expires + 1:
                await self._ctx.kube.delete_tombstone(one.name, found[0])
            self._tombstones.remove(one)

    async def _remove_sessions(self) -> None:
        """Delete the sessions that have ended long ago, and the oldest of too many."""
        ended = sorted(
            (_seconds(expires), name, uid)
            for name, uid, expires in await self._ctx.kube.ended_sessions()
        )
        latest = self._ctx.now().timestamp() - SESSION_SECONDS
        for n, (expires, name, uid) in enumerate(ended):
            if expires < latest or len(ended) - n > SESSIONS:
                await self._ctx.kube.delete_session(name, uid)

    async def _remove_sources(self) -> None:
        """Delete the sources of which no execution came, or whose execution has ended."""
        latest = self._ctx.now().timestamp() - SOURCE_SECONDS
        old = [
            (name, execution)
            async for name, execution, created in self._ctx.kube.sources()
            if _seconds(created) < latest
        ]
        # The sources first: one whose execution is not listed afterwards has none that needs it.
        unfinished = {name for name, _, _ in await self._ctx.kube.unfinished()} if old else set()
        left = [name for name, execution in old if execution not in unfinished]
        for name in left:
            await self._ctx.kube.delete_source(name)
        if left:
            log.info("removed %d sources without an unfinished execution", len(left))


def _seconds(timestamp: str) -> float:
    """Since 1970. An end that no operator wrote may have none: only number and bytes bound it."""
    return datetime.fromisoformat(timestamp).timestamp() if timestamp else math.inf


def _key_expires(expires: str, ttl: int | None, now: float) -> float:
    """Return when an Idempotency-Key of such a record counts no more, in seconds since 1970."""
    if not expires or ttl is None:
        return now + KEY_SECONDS
    return key_expiration(datetime.fromisoformat(expires), ttl).timestamp()
