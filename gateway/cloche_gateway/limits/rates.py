"""Rate limits of each API key, and the handling of requests while Redis does not answer."""

from __future__ import annotations

import asyncio
import logging
import time
from enum import Enum
from typing import TYPE_CHECKING

from redis import RedisError
from redis.asyncio import ConnectionPool

from cloche_gateway.errors import BusyError
from cloche_gateway.limits.windows import InMemory, InRedis

if TYPE_CHECKING:
    from prometheus_client import Counter

    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.limits.windows import Quota, Windows
    from cloche_gateway.settings import Settings

_log = logging.getLogger(__name__)

_SECONDS = 3.0
"""Timeout for an answer of Redis, including the first connection. It is long enough for a busy
machine, because a burst would pass uncounted if a slow gateway were taken for a Redis failure."""
_AT_ONCE = 16
"""The most concurrent charges, and so connections. A charge takes a millisecond. Waiting for a turn
does not count towards the timeout."""
_AWAY_SECONDS = 1.0
"""How long Redis is not asked after it did not answer, because each attempt could take the whole
timeout."""


class Kind(Enum):
    """Kinds of requests that have separate limits."""

    EXECUTIONS = "executions"
    """Requests that start executions or sessions, or for which the API server scans all executions
    of a tenant."""
    READS = "reads"
    """Requests that get, wait for, stream, cancel or remove one object."""


class Rates:
    """The rate limits of all API keys, counted in memory or in Redis."""

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
        """Close the connections to Redis."""
        if self._pool is not None:
            await self._pool.aclose()

    async def charge(
        self, caller: Caller, count: int = 1, kind: Kind = Kind.EXECUTIONS
    ) -> Quota | None:
        """Charge `count` requests of a kind to the caller's key, all or none.

        Return the quota after the charge; its `passed` is False if nothing was charged. Return None
        if Redis does not answer and requests pass uncounted.

        Raises:
            BusyError: Redis does not answer, and `rate_limit_fail_open` is off.
        """
        async with self._turns:
            quota = None if self._is_left_alone() else await self._ask(caller, count, kind)
        if quota is None:
            self._uncounted()
        return quota

    def _is_left_alone(self) -> bool:
        """Return whether not to ask Redis now, because it did not answer recently.

        After the pause, one request at a time tries again.
        """
        now = time.monotonic()
        if now < self._left_alone_until:
            return True
        if self._is_away:
            self._left_alone_until = now + _SECONDS
        return False

    async def _ask(self, caller: Caller, count: int, kind: Kind) -> Quota | None:
        """Charge and return the quota, or None if Redis does not answer."""
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
        """Count a failure, and let the request pass or reject it.

        Raises:
            BusyError: `rate_limit_fail_open` is off.
        """
        self._failures.inc()
        if not self._open:
            raise BusyError
