"""Watches: the events of a collection, and a view of it that list and watch keep up to date."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pydantic_core import from_json

from cloche_kube.client import JSON
from cloche_kube.errors import GoneError, KubeError, UnavailableError, failure_of_watch
from cloche_kube.lines import lines_of
from cloche_kube.retry import backoff

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from cloche_kube.client import Rest

_log = logging.getLogger(__name__)

_WATCH_SECONDS = 300
_QUIET_SECONDS = 100.0
"""A watch that receives nothing for this time has lost its server, because a bookmark comes about
every minute."""
_LINE_BYTES = 16 * 1024 * 1024  # An object has at most 1.5 MiB; JSON escapes can expand it.
_PAGE = 500  # objects
LISTED = "LISTED"
"""The kind of an object of a list that a sink gets one by one (`Source.one_by_one`)."""
_SHORT_SECONDS = 1.0
"""A watch that ends sooner counts as a failure and is followed by a back-off. Otherwise a server
that ends each watch at once would get requests without a pause."""
_DELAY_MIN, _DELAY_MAX = 0.05, 5.0


async def watch(
    rest: Rest, path: str, params: Mapping[str, str], seconds: int = _WATCH_SECONDS
) -> AsyncGenerator[dict[str, Any] | None, None]:
    """Yield None once the watch is established, and then its events until the server ends it.

    The server ends a watch after `seconds`. Close the generator (`contextlib.aclosing`) to end it
    sooner.

    Raises:
        GoneError: the `resourceVersion` of `params` is too old.
        ApiError, UnavailableError: as `Rest.stream`.
    """
    query = {
        **params,
        "watch": "1",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(seconds),
    }
    async with rest.stream(path, query, quiet_seconds=_QUIET_SECONDS) as body:
        yield None
        async for line in lines_of(body.iter_any(), _LINE_BYTES):
            event = _event(line)
            del line  # up to 16 MiB, not needed until the next event
            if event["type"] == "ERROR":
                raise failure_of_watch(event["object"])
            yield event
            del event


def _event(line: bytes) -> dict[str, Any]:
    try:
        event: dict[str, Any] = from_json(line)
    except ValueError as error:
        raise UnavailableError(f"an event of a watch cannot be read: {error}") from error
    return event


class Sink(Protocol):
    """A consumer of watch events."""

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Replace the whole view with these objects."""

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Apply one event. `kind` is ADDED, MODIFIED or DELETED, or LISTED for a listed object."""

    def connected(self) -> None:
        """React to an established watch, which reports all changes from now on."""


@dataclass(frozen=True)
class Source:
    """What to watch. `selector` has query parameters of list and watch, such as `fieldSelector`.

    `list_limit` limits the list to one page of that size, if only its version is needed.

    `one_by_one`: the sink gets each listed object as an event of the kind LISTED, and `replace` is
    not called. The list is read in pages of this many objects, so that only these are in memory.

    `watch_seconds`: the server ends each watch after that time, and the next one begins. A resource
    without bookmarks, such as Events, which may be quiet for longer than `_QUIET_SECONDS`, needs
    less than these.
    """

    path: str
    selector: Mapping[str, str]
    list_accept: str = JSON
    list_limit: int | None = None
    one_by_one: int | None = None
    watch_seconds: int = _WATCH_SECONDS


class Follower:
    """Follows one source while `run` runs. `established`: a watch is open."""

    def __init__(self, rest: Rest, source: Source, sink: Sink) -> None:
        self._rest = rest
        self._source = source
        self._sink = sink
        self._version: str | None = None
        self.established = False

    async def run(self) -> None:
        """Follow the source until cancelled. Failures of the API server are retried."""
        clock = asyncio.get_running_loop().time
        delays = backoff(_DELAY_MIN, _DELAY_MAX)
        while True:
            began, delay = clock(), next(delays)
            try:
                await self._follow_once()
            except GoneError:
                self._version = None
            except KubeError as error:
                if self.established or delay == _DELAY_MIN:
                    _log.warning("watch of %s failed: %s", self._source.path, error)
                self.established = False
            except Exception:  # noqa: BLE001  see below
                # An invalid response of the API server, or a bug here. List again to recover.
                _log.exception("watch of %s: unexpected error", self._source.path)
                self.established = False
                self._version = None
            if clock() - began >= _SHORT_SECONDS:
                delays = backoff(_DELAY_MIN, _DELAY_MAX)
                continue
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311  only jitter

    async def _follow_once(self) -> None:
        if self._version is None:
            self._version = await self._list()
        source = self._source
        selector = {**source.selector, "resourceVersion": self._version}
        watched = watch(self._rest, source.path, selector, source.watch_seconds)
        async with contextlib.aclosing(watched) as events:
            async for event in events:
                if event is None:
                    self.established = True
                    self._sink.connected()
                    continue
                self._version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._sink.changed(event["type"], event["object"])
                del event  # an object may take several MiB

    async def _list(self) -> str:
        """Read all pages, or one with `list_limit`, and return the version to watch from."""
        objects: list[dict[str, Any]] = []
        version = ""
        source = self._source
        limit = source.list_limit or source.one_by_one or _PAGE
        params = {**source.selector, "limit": str(limit)}
        async for page in self._rest.pages(source.path, params, accept=source.list_accept):
            if source.one_by_one:
                for obj in page.get("items") or []:
                    self._sink.changed(LISTED, obj)
            else:
                objects += page.get("items") or []
            version = page["metadata"]["resourceVersion"]
            if source.list_limit:
                break
        if not source.one_by_one:
            self._sink.replace(objects)
        return version
