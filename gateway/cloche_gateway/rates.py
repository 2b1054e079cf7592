"""How often each API key may ask, and what becomes of requests while nobody can count them."""

from __future__ import annotations

import asyncio
import logging
import time
from enum import Enum
from typing import TYPE_CHECKING

from redis import RedisError
from redis.asyncio import ConnectionPool

from cloche_gateway.errors import BusyError
from cloche_gateway.windows import InMemory, InRedis

if TYPE_CHECKING:
    from prometheus_client import Counter

    from cloche_gateway.keys import Caller
    from cloche_gateway.settings import Settings
    from cloche_gateway.windows import Quota, Windows

_log = logging.getLogger(__name__)

_SECONDS = 3.0
"""For an answer of the store, the first connection to it included, on a machine that is busy: who
takes a slow gateway for a store that is away lets a burst pass uncounted."""
_AT_ONCE = 16
"""Charges, and so connections; each takes a millisecond. That others wait for their turn is not the
store's fault."""
_AWAY_SECONDS = 1.0
"""A store that did not answer is left alone for so long, for each try would cost its time."""


class Kind(Enum):
    """What is counted, each by itself."""

    EXECUTIONS = "executions"
    """What makes the cluster run something, or the API server look at all that a tenant has."""
    READS = "reads"
    """What looks at one thing, waits for it, listens to it, ends it or removes it."""


class Rates:
    """The windows of all keys."""

    def __init__(self, settings: Settings, failures: Counter) -> None:
        url = settings.rate_limit_redis_url
        self._pool: ConnectionPool | None = None
        self._windows: Windows = InMemory()
        if url is not None:
            self._pool = ConnectionPool.from_url(
                url.get_secret_value(),
                socket_connect_timeout=_SECONDS,
                socket_timeout=_SECONDS,
            )
            self._windows = InRedis(self._pool)
        self._open = settings.rate_limit_fail_open
        self._failures = failures
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._is_away = False
        self._left_alone_until = 0.0

    async def close(self) -> None:
        """Hang up on the store."""
        if self._pool is not None:
            await self._pool.aclose()

    async def charge(
        self, caller: Caller, count: int = 1, kind: Kind = Kind.EXECUTIONS
    ) -> Quota | None:
        """Take so many of a kind off what the key may ask for; what is left of it.

        All of them or none is taken. None where the store is away and requests pass all the same.

        Raises:
            BusyError: the store is away, and requests do not pass then.
        """
        async with self._turns:
            quota = None if self._is_left_alone() else await self._ask(caller, count, kind)
        if quota is None:
            self._uncounted()
        return quota

    def _is_left_alone(self) -> bool:
        """Whether the store was away a moment ago. Then one at a time finds out if it still is."""
        now = time.monotonic()
        if now < self._left_alone_until:
            return True
        if self._is_away:
            self._left_alone_until = now + _SECONDS
        return False

    async def _ask(self, caller: Caller, count: int, kind: Kind) -> Quota | None:
        """Charge, and look at what is left; None where the store does not answer."""
        reads = kind is Kind.READS
        limit = caller.reads if reads else caller.rate
        name = (kind.value, caller.key) if reads else (caller.key,)
        try:
            async with asyncio.timeout(_SECONDS):
                quota = await self._windows.charge(name, limit, count)
        except (RedisError, TimeoutError) as error:
            _log.error("the rate limit's store does not answer: %r", error)
            self._is_away = True
            self._left_alone_until = time.monotonic() + _AWAY_SECONDS
            return None
        self._is_away, self._left_alone_until = False, 0.0
        return quota

    def _uncounted(self) -> None:
        """Let a request pass that nobody counts, or refuse it.

        Raises:
            BusyError: they do not pass.
        """
        self._failures.inc()
        if not self._open:
            raise BusyError
