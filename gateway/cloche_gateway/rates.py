"""How often each API key may ask: a moving window of a minute, in memory or in Redis.

In memory each replica counts for itself. With Redis (or Valkey, which speaks the same protocol) all
count together; the window's times are the replicas' own clocks.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool

from cloche_gateway.errors import BusyError

if TYPE_CHECKING:
    from prometheus_client import Counter

    from cloche_gateway.keys import Caller
    from cloche_gateway.settings import Settings

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


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left to a key: of `limit` a minute `remaining`, until in `reset` seconds more."""

    passed: bool
    """Whether there was so much left as was asked for."""
    limit: int
    remaining: int
    reset: int


class Rates:
    """The windows of all keys."""

    def __init__(self, settings: Settings, failures: Counter) -> None:
        url = settings.rate_limit_redis_url
        self._pool: ConnectionPool | None = None
        storage: MemoryStorage | RedisStorage = MemoryStorage()
        if url is not None:
            self._pool = ConnectionPool.from_url(
                url.get_secret_value(),
                socket_connect_timeout=_SECONDS,
                socket_timeout=_SECONDS,
            )
            storage = RedisStorage(
                f"async+{url.get_secret_value()}",
                wrap_exceptions=True,
                implementation="redispy",
                key_prefix="cloche",
                connection_pool=self._pool,  # type: ignore[arg-type]  # as its documentation says
            )
        self._limiter = MovingWindowRateLimiter(storage)
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
        limit = RateLimitItemPerMinute(caller.reads if reads else caller.rate)
        counted = (kind.value, caller.key) if reads else (caller.key,)
        try:
            async with asyncio.timeout(_SECONDS):
                passed = await self._limiter.hit(limit, *counted, cost=count)
                window = await self._limiter.get_window_stats(limit, *counted)
        except (StorageError, TimeoutError) as error:
            _log.error("the rate limit's store does not answer: %r", error.__cause__ or error)
            self._is_away = True
            self._left_alone_until = time.monotonic() + _AWAY_SECONDS
            return None
        self._is_away, self._left_alone_until = False, 0.0
        reset = max(0, math.ceil(window.reset_time - time.time()))
        return Quota(passed, limit.amount, window.remaining, reset)

    def _uncounted(self) -> None:
        """Let a request pass that nobody counts, or refuse it.

        Raises:
            BusyError: they do not pass.
        """
        self._failures.inc()
        if not self._open:
            raise BusyError
