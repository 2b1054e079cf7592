"""Keep a view of some Kubernetes objects up to date with list and watch."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cloche_gateway.cluster.kube_errors import GoneError, KubeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloche_gateway.cluster.api import KubeClient

_log = logging.getLogger(__name__)

_SHORT_SECONDS = 1.0
"""A watch that ends sooner counts as a failure and is followed by a back-off. Otherwise a server
that ends each watch at once would get requests without a pause."""
_DELAY_MIN, _DELAY_MAX = 0.05, 5.0
_LIST_SECONDS = 10.0


class Sink(Protocol):
    """A consumer of watch events."""

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Replace the whole view with these objects."""

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Apply one event. `kind` is ADDED, MODIFIED or DELETED."""

    def connected(self) -> None:
        """React to an established watch, which reports all changes from now on."""


@dataclass(frozen=True)
class Source:
    """What to watch. `selector` has query parameters of list and watch, such as `fieldSelector`.

    `list_limit` limits the list to one page of that size, if only its version is needed.
    """

    path: str
    selector: Mapping[str, str]
    list_accept: str = "application/json"
    list_limit: int | None = None


class Follower:
    """Follows one source while `run` runs. `established`: a watch is open."""

    def __init__(self, kube: KubeClient, source: Source, sink: Sink) -> None:
        self._kube = kube
        self._source = source
        self._sink = sink
        self._version: str | None = None
        self.established = False

    async def run(self) -> None:
        """Follow the source until cancelled. Failures of the API server are retried."""
        delay = _DELAY_MIN
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._follow_once()
            except GoneError:
                self._version = None
            except KubeError as error:
                if self.established or delay == _DELAY_MIN:
                    _log.warning("watch of %s broke: %s", self._source.path, error)
                self.established = False
            except Exception:  # noqa: BLE001  see below
                # An invalid response of the API server, or a bug here. List again to recover.
                _log.exception("watch of %s failed", self._source.path)
                self.established = False
                self._version = None
            if asyncio.get_running_loop().time() - began >= _SHORT_SECONDS:
                delay = _DELAY_MIN
                continue
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311  only jitter
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
                    self.established = True
                    self._sink.connected()
                    continue
                self._version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._sink.changed(event["type"], event["object"])

    async def _list(self) -> str:
        """Read all pages, or one with `list_limit`, and return the version to watch from."""
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
