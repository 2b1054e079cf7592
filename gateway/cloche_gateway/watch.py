"""Keep a view of some objects up to date: list, watch, and again after every break."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cloche_gateway.kube import GoneError, KubeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloche_gateway.kube import KubeClient

_log = logging.getLogger(__name__)

_SHORT_SECONDS = 1.0
"""A watch that ends sooner is a failure, whatever it says: without this a server that ends every
watch at once would be asked without pause."""
_DELAY_MIN, _DELAY_MAX = 0.05, 5.0
_LIST_SECONDS = 10.0


class Sink(Protocol):
    """Whoever wants to know."""

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Take these as all that there are."""

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Take one event. `kind` is ADDED, MODIFIED or DELETED."""

    def connected(self) -> None:
        """Learn that a watch stands (again): what happens from now on will be told."""


@dataclass(frozen=True)
class Source:
    """What is watched. `list_limit` bounds the list where only its version is wanted."""

    path: str
    selector: Mapping[str, str]
    list_accept: str = "application/json"
    list_limit: int | None = None


class Follower:
    """Follows one source for as long as `run` does. `standing` says whether a watch stands."""

    def __init__(self, kube: KubeClient, source: Source, sink: Sink) -> None:
        self._kube = kube
        self._source = source
        self._sink = sink
        self._version: str | None = None
        self.standing = False

    def is_standing(self) -> bool:
        """Whether a watch stands."""
        return self.standing

    async def run(self) -> None:
        """Follow until cancelled. No failure of the API server ends it."""
        delay = _DELAY_MIN
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._follow_once()
            except GoneError:
                self._version = None
            except KubeError as error:
                if self.standing or delay == _DELAY_MIN:
                    _log.warning("watch of %s broke: %s", self._source.path, error)
                self.standing = False
            except Exception:  # noqa: BLE001  see below
                # Nonsense from the API server or a bug here: list anew, for nobody else will.
                _log.exception("watch of %s failed", self._source.path)
                self.standing = False
                self._version = None
            if asyncio.get_running_loop().time() - began >= _SHORT_SECONDS:
                delay = _DELAY_MIN
                continue
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311  spreads replicas
            delay = min(delay * 2, _DELAY_MAX)

    async def _follow_once(self) -> None:
        if self._version is None:
            self._version = await self._list()
        events = self._kube.watch(
            self._source.path,
            params={**self._source.selector, "resourceVersion": self._version},
        )
        async with contextlib.aclosing(events):
            async for event in events:
                if event is None:
                    self.standing = True
                    self._sink.connected()
                    continue
                self._version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._sink.changed(event["type"], event["object"])

    async def _list(self) -> str:
        """Read all pages (or as many objects as are wanted); the version to watch from."""
        objects: list[dict[str, Any]] = []
        params = {**self._source.selector, "limit": str(self._source.list_limit or 500)}
        while True:
            page = await self._kube.get(
                self._source.path,
                seconds=_LIST_SECONDS,
                accept=self._source.list_accept,
                params=params,
            )
            objects += page.get("items") or []
            more = page["metadata"].get("continue")
            if not more or self._source.list_limit:
                break
            params["continue"] = more
        self._sink.replace(objects)
        version: str = page["metadata"]["resourceVersion"]
        return version
