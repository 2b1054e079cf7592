"""Sliding windows of one minute that count the charges of each name.

In memory, each gateway counts separately. In Redis (or Valkey, which has the same protocol), all
gateways count together, by the clock of Redis, because the clocks of the gateways may be minutes
apart.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import Redis

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

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
