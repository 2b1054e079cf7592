"""Whether the gateway can serve now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloche_api.rest import METADATA_LIST
from cloche_gateway import names
from cloche_gateway.kube import KubeClient, KubeError

if TYPE_CHECKING:
    from cloche_gateway.watch import Follower

_PROBE_SECONDS = 2.0
_FRESH_SECONDS = 1.0
"""Whoever asks more often gets the last probe's outcome: the route needs no key."""


class Readiness:
    """All watches stand, and the API server answers a read of what every request needs."""

    def __init__(self, kube: KubeClient, namespace: str, watches: dict[str, Follower]) -> None:
        self._kube = kube
        self._path = names.executions(namespace)
        self._watches = watches
        self._lock = asyncio.Lock()
        self._asked_at: float | None = None
        self._problem: str | None = None

    def known_problem(self) -> str | None:
        """What is wrong as far as it is known without asking, None when nothing is."""
        broken = [name for name, follower in self._watches.items() if not follower.standing]
        return f"no watch of {', '.join(broken)}: the API server is away" if broken else None

    async def problem(self) -> str | None:
        """What is wrong, None when nothing is. Asks the API server, at most once a second."""
        known = self.known_problem()
        if known is not None:
            return known
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._asked_at is None or now - self._asked_at > _FRESH_SECONDS:
                self._problem = await self._probe()
                self._asked_at = asyncio.get_running_loop().time()
            return self._problem

    async def _probe(self) -> str | None:
        try:
            await self._kube.get(
                self._path, seconds=_PROBE_SECONDS, accept=METADATA_LIST, params={"limit": "1"}
            )
        except KubeError as error:
            return f"the API server does not serve: {type(error).__name__}"
        return None
