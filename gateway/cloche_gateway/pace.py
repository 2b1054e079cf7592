"""How soon an answer is sent whose request cost its client almost nothing, and the gateway more.

Three kinds of clients could keep the event loop busy otherwise: those without a valid key, those
that send requests before they have the answers to earlier ones, and those that ask on after they
were refused for asking too often. Their answers wait; no other request does.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_gateway.errors import OverloadedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_gateway.budget import Budget

_SECONDS = 0.1
"""Between two such answers on a connection in the long run: more often than a probe or a browser
asks. A request costs a millisecond."""
_AHEAD_SECONDS = 0.5
"""The same where requests are sent before the answers to earlier ones: no browser and hardly a
client does that."""
_BURST = 20
"""Answers that need not wait: a page and what belongs to it."""
_AT_ONCE = 10
"""Answers that wait so long. More of them wait longer, so that 100 requests per second are answered
of all together: about a tenth of a processor."""

_REFUSAL_SECONDS = 0.1
"""Between two refusals of a tenant in the long run."""
_REFUSAL_BURST = 50
_REFUSAL_LONGEST = 10.0
"""A refusal waits at most so long: clients have time limits of their own. Those that would wait
longer are not sent, and their connections are ended."""
_KEPT_BYTES = 192 * 1024
"""Of a request whose refusal waits: what had come of its body, and the kernel's share."""


@dataclass(slots=True)
class Connection:
    """What the middleware needs to know of a connection."""

    cut: Callable[[], None]
    """End it at once."""
    has_more: Callable[[], bool]
    """Whether its client has sent more than the request that is being answered."""
    spare: bool = False
    """Whether it is one beyond the bound, which serves probes and scrapers alone."""
    due: float = 0.0
    """When the last answer that had to wait was due."""


class Pace:
    """When each of these answers is sent, of a whole server."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._waiting = 0
        self._refusals: dict[str, float] = {}
        """When the last refusal of each tenant was due."""

    async def answer(self, connection: Connection) -> None:
        """Wait for the turn of an answer to a client without a key, or that sends ahead."""
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
        """Wait for the turn of a tenant's refusal, or end the connection without one."""
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
