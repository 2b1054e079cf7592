"""Readiness of the gateway."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloche_kube.client import METADATA_LIST
from cloche_kube.errors import KubeError

if TYPE_CHECKING:
    from cloche_kube.client import Rest
    from cloche_kube.paths import Paths
    from cloche_kube.watch import Follower

_PROBE_SECONDS = 2.0
_FRESH_SECONDS = 1.0
"""How long the result of a probe is reused, because the route requires no API key."""


class Readiness:
    """Checks whether the gateway can serve requests.

    It can if all watches are established and the API server answers a list of executions.
    """

    def __init__(self, kube: Rest, paths: Paths, watches: dict[str, Follower]) -> None:
        self._kube = kube
        self._path = paths.executions
        self._watches = watches
        self._lock = asyncio.Lock()
        self._asked_at: float | None = None
        self._problem: str | None = None

    def known_problem(self) -> str | None:
        """Return which watches are down, or None, without asking the API server."""
        broken = [name for name, follower in self._watches.items() if not follower.established]
        return f"API server unreachable (watches down: {', '.join(broken)})" if broken else None

    async def problem(self) -> str | None:
        """Return why the gateway is not ready, or None.

        This asks the API server, but at most once a second.
        """
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
            return f"API server does not answer: {type(error).__name__}"
        return None
