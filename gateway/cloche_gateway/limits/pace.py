"""Delay responses to clients that would otherwise keep the event loop busy at little cost.

There are three kinds of such clients:

- clients without a valid key;
- clients that pipeline requests;
- clients that continue to send requests after a response with status 429.

Only their responses are delayed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_gateway.errors import OverloadedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_gateway.limits.bytes import Budget

_SECONDS = 0.1
"""The long-term interval between such responses on one connection. Probes and browsers send fewer
requests. A request takes a millisecond."""
_AHEAD_SECONDS = 0.5
"""The same interval for pipelined requests, which browsers and almost all clients never send."""
_BURST = 20
"""Responses on a connection that are not delayed: enough for a page and its resources."""
_AT_ONCE = 10
"""Responses that can wait at a time at the normal interval. With more, the interval grows, so that
all these clients together get at most 100 responses per second. That takes about a tenth of a
processor."""

_REFUSAL_SECONDS = 0.1
"""The long-term interval between responses with status 429 to one tenant."""
_REFUSAL_BURST = 50
_REFUSAL_LONGEST = 10.0
"""The longest delay of a 429, because clients have timeouts. If it would have to wait longer, it is
not sent, and the connection is aborted."""
_KEPT_BYTES = 192 * 1024
"""Memory that is charged for a request whose 429 waits: the received part of its body, and the
kernel's buffers."""


@dataclass(slots=True)
class Connection:
    """What the middleware needs to know of a connection."""

    cut: Callable[[], None]
    """Abort the connection."""
    has_more: Callable[[], bool]
    """Return whether the client has sent more than the request that is being answered."""
    spare: bool = False
    """Whether the connection is beyond the limit, and so serves only probes and scrapers."""
    due: float = 0.0
    """When the last paced response was due, in the event loop's time."""


class Pace:
    """Delays responses of one server."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._waiting = 0
        self._refusals: dict[str, float] = {}
        """When the last 429 of each tenant was due, in the event loop's time."""

    async def answer(self, connection: Connection) -> None:
        """Delay the response to a client without a valid key, or that pipelines requests."""
        now = asyncio.get_running_loop().time()
        pause = _AHEAD_SECONDS if connection.has_more() else _SECONDS
        seconds = pause * max(1, (self._waiting + 1) / _AT_ONCE)
        connection.due = max(connection.due, now - _BURST * pause) + seconds
        if connection.due <= now:
            return
        self._waiting += 1
        try:
            await asyncio.sleep(connection.due - now)
        finally:
            self._waiting -= 1

    async def refusal(self, connection: Connection, tenant: str) -> None:
        """Delay a tenant's response with status 429.

        Abort the connection instead if the delay would exceed 10 s, or if the memory budget has no
        room for the request.
        """
        now = asyncio.get_running_loop().time()
        before = self._refusals.get(tenant, 0.0)
        due = max(before, now - _REFUSAL_BURST * _REFUSAL_SECONDS) + _REFUSAL_SECONDS
        if due - now > _REFUSAL_LONGEST:
            connection.cut()
            return
        self._refusals[tenant] = due
        if due <= now:
            return
        try:
            kept = self._budget.charge(tenant, _KEPT_BYTES, cut=connection.cut)
        except OverloadedError:
            connection.cut()
            return
        try:
            await asyncio.sleep(due - now)
        finally:
            kept.release()
