"""Limits on the requests of each API key: how many per minute, and how many in flight.

Requests per minute are counted in sliding windows. In memory, each gateway counts separately. In
Redis (or Valkey, which has the same protocol), all gateways count together, by the clock of Redis,
because the clocks of the gateways may be minutes apart.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis import RedisError
from redis.asyncio import ConnectionPool, Redis

from cloche_gateway.errors import BusyError, TooManyAtOnceError

if TYPE_CHECKING:
    from prometheus_client import Counter

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

# The key holds a list of the times of all charges within the last minute, newest first. If the
# newest is in the future, the clock was set back, and the list is deleted.
_SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local limit, count = tonumber(ARGV[1]), tonumber(ARGV[2])
local newest = tonumber(redis.call('LINDEX', KEYS[1], 0) or now)
if newest > now then
    redis.call('DEL', KEYS[1])
end
local oldest = tonumber(redis.call('LINDEX', KEYS[1], -1) or now)
while oldest <= now - 60 do
    redis.call('RPOP', KEYS[1])
    oldest = tonumber(redis.call('LINDEX', KEYS[1], -1) or now)
end
local left = limit - redis.call('LLEN', KEYS[1])
local passed = count <= left
if passed then
    local at = string.format('%.6f', now)
    for _ = 1, count do
        redis.call('LPUSH', KEYS[1], at)
    end
    redis.call('EXPIRE', KEYS[1], 60)
    left = left - count
end
return {passed and 1 or 0, math.max(left, 0), math.ceil(oldest + 60 - now)}
"""


@dataclass(frozen=True, slots=True)
class Quota:
    """The quota of a name: `remaining` of `limit` per minute. In `reset` seconds there is more."""

    passed: bool
    """Whether the quota was sufficient for the charge."""
    limit: int
    remaining: int
    reset: int


class Windows(Protocol):
    """A store that counts charges."""

    async def charge(self, name: tuple[str, ...], limit: int, count: int) -> Quota:
        """Charge `count` to a name whose limit is `limit` per minute, all or none.

        Raises:
            redis.RedisError: Redis does not answer.
        """


class InMemory:
    """Windows of this process."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def charge(self, name: tuple[str, ...], limit: int, count: int) -> Quota:
        """As `Windows.charge`."""
        item = RateLimitItemPerMinute(limit)
        passed = await self._limiter.hit(item, *name, cost=count)
        window = await self._limiter.get_window_stats(item, *name)
        reset = max(0, math.ceil(window.reset_time - time.time()))
        return Quota(passed, limit, window.remaining, reset)


class InRedis:
    """Windows shared by all gateways that use the same Redis."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._charge = Redis(connection_pool=pool).register_script(_SCRIPT)

    async def charge(self, name: tuple[str, ...], limit: int, count: int) -> Quota:
        """As `Windows.charge`."""
        key = "/".join(("cloche", "window", *name))
        passed, remaining, reset = await self._charge(keys=[key], args=[limit, count])
        return Quota(bool(passed), limit, remaining, reset)


class Limited(Protocol):
    """A holder of an API key, with its limits (see `cluster.keys.Caller`)."""

    @property
    def key(self) -> str:
        """The name of the key."""

    @property
    def rate(self) -> int:
        """Executions per minute."""

    @property
    def reads(self) -> int:
        """Reads, waits, streams and deletions per minute."""

    @property
    def requests(self) -> int:
        """In-flight requests."""


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
        self, caller: Limited, count: int = 1, kind: Kind = Kind.EXECUTIONS
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

    async def _ask(self, caller: Limited, count: int, kind: Kind) -> Quota | None:
        """Charge and return the quota, or None if Redis does not answer."""
        reads = kind is Kind.READS
        limit = caller.reads if reads else caller.rate
        name = (kind.value, caller.key) if reads else (caller.key,)
        try:
            async with asyncio.timeout(_SECONDS):
                quota = await self._windows.charge(name, limit, count)
        except (RedisError, TimeoutError) as error:
            _log.error("rate limit store does not answer: %r", error)
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


class InFlight:
    """The number of in-flight requests of each key.

    A request that waits for an execution's end, or streams its events, takes a connection, a task
    and a waiter. One key must not take all of them.
    """

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def of(self, key: str) -> int:
        """Return the number of in-flight requests of the key with this name."""
        return self._of.get(key, 0)

    def begin(self, caller: Limited) -> None:
        """Count one more request of the caller's key. Call `end` when it is answered.

        Raises:
            TooManyAtOnceError: the limit is reached. The request is not counted.
        """
        if self.of(caller.key) >= caller.requests:
            raise TooManyAtOnceError(caller.requests)
        self._of[caller.key] = self.of(caller.key) + 1

    def end(self, key: str) -> None:
        """Count one request less."""
        if left := self._of[key] - 1:
            self._of[key] = left
        else:
            del self._of[key]
