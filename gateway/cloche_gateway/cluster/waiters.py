"""Wait for executions to end, with one watch for all and one future for each waiter.

The watch selects executions that have ended, and its events contain the whole object. So the event
is the result, and no further read is needed.

The watch cannot show an execution that is deleted before its end. Therefore each execution that has
waiters is checked from time to time. A check reads only its uid and phase, and serves all its
waiters.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from cloche_api.resources.phases import ENDED, TERMINAL
from cloche_kube.client import METADATA_LIST
from cloche_kube.errors import KubeError, NotFoundError
from cloche_kube.retry import backoff
from cloche_kube.tasks import Background
from cloche_kube.watch import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cloche_kube.client import Rest
    from cloche_kube.paths import Paths

_log = logging.getLogger(__name__)

_GET_SECONDS = 10.0
_CHECKS_AT_ONCE = 16  # limits the load on an API server that has just come back
_READS_AT_ONCE = 8
"""The most whole executions that are read at a time. Each takes up to 7 MiB meanwhile, as bytes and
as text of 4 bytes per character."""
_LOOK_SECONDS = 5.0
"""Time from the creation to the first check of an execution. Most executions have ended by then, so
few are checked at a time. The interval doubles after each check."""
_LOOK_SECONDS_MAX = 60.0
_DELAY_MIN, _DELAY_MAX = 0.1, 2.0
_CALLBACKS = 10_000
"""The most callbacks (`Waiters.on_end`): more than a queue of 1,000 and all running executions."""


def source(paths: Paths) -> Source:
    """Return the watch source of ended executions. The list is only needed for its version."""
    return Source(
        paths.executions,
        {"fieldSelector": ENDED},
        list_accept=METADATA_LIST,
        list_limit=1,
    )


def is_terminal(obj: dict[str, Any]) -> bool:
    """Return whether an execution has ended."""
    return (obj.get("status") or {}).get("phase") in TERMINAL


class Waiter:
    """A request that waits for an execution.

    The result of `ended` is the ended execution, or None if it was deleted.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.uid: str | None = None
        self.version: str | None = None
        """A resource version at which the execution existed."""
        self.ended: asyncio.Future[dict[str, Any] | None] = (
            asyncio.get_running_loop().create_future()
        )
        self.early: dict[str, Any] | None = None
        """An execution of this name that ended before the response to its creation arrived."""

    def resolve(self, obj: dict[str, Any] | None) -> None:
        """Set the result, unless there is one. None means that the execution was deleted."""
        if not self.ended.done():
            self.ended.set_result(obj)


class Waiters:
    """All waiters, and the sink of the watch of ended executions."""

    def __init__(self, kube: Rest, paths: Paths) -> None:
        self._kube = kube
        self._paths = paths
        self._waiting: dict[str, set[Waiter]] = {}
        self._tasks = Background()
        self._checks: dict[str, bool] = {}
        """The names that are being checked, and for each whether to check once more
        afterwards."""
        self._looks: dict[str, asyncio.TimerHandle] = {}
        """The timer of the next check of each name that has waiters."""
        self._reads = asyncio.Semaphore(_READS_AT_ONCE)
        self._gate = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._callbacks: dict[str, Callable[[dict[str, Any]], None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @contextlib.contextmanager
    def waiter(self, name: str) -> Iterator[Waiter]:
        """Register a waiter for an execution of this name.

        Register it before the execution is created, so that no event is missed.
        """
        waiter = Waiter(name)
        self._waiting.setdefault(name, set()).add(waiter)
        try:
            yield waiter
        finally:
            others = self._waiting[name]
            others.discard(waiter)
            if not others:
                del self._waiting[name]
                if look := self._looks.pop(name, None):
                    look.cancel()

    def created(self, waiter: Waiter, metadata: Mapping[str, Any], *, look: bool = False) -> None:
        """Record that the execution exists, with this metadata.

        With `look`, the execution is checked at once, because it may have ended before the waiter
        was registered.
        """
        uid = waiter.uid = metadata["uid"]
        waiter.version = metadata.get("resourceVersion")
        if waiter.early is not None and waiter.early["metadata"]["uid"] == uid:
            waiter.resolve(waiter.early)
            return
        if look:
            self._check(waiter.name)
        if waiter.name not in self._looks:
            self._look_later(waiter.name, backoff(_LOOK_SECONDS, _LOOK_SECONDS_MAX))

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Do nothing: the list is only needed for its version, and `connected` checks waiters."""

    def changed(self, kind: str, obj: dict[str, Any]) -> None:  # noqa: ARG002  see docstring
        """Apply one watch event. The object has ended in events of each kind."""
        uid = obj["metadata"]["uid"]
        if callback := self._callbacks.pop(uid, None):
            callback(obj)
        for waiter in self._waiting.get(obj["metadata"]["name"], ()):
            if waiter.uid is None:
                waiter.early = obj
            elif waiter.uid == uid:
                waiter.resolve(obj)

    def on_end(self, uid: str, callback: Callable[[dict[str, Any]], None]) -> None:
        """Register a callback for when the execution with this uid ends. It needs no waiter.

        The callback is not guaranteed: an end can be missed while the watch is down, and of more
        than 10,000 callbacks the oldest are dropped.
        """
        self._callbacks[uid] = callback
        if len(self._callbacks) > _CALLBACKS:
            del self._callbacks[next(iter(self._callbacks))]

    def connected(self) -> None:
        """Check all waiters, because an end may have been missed while the watch was down."""
        for name in self._waiting:
            self._check(name)

    async def read(self, name: str) -> dict[str, Any] | None:
        """Return the execution, or None if it does not exist.

        Raises:
            KubeError: the read failed.
        """
        path = self._paths.execution(name)
        try:
            async with self._reads:
                return await self._kube.get(path, seconds=_GET_SECONDS)
        except NotFoundError:
            return None

    async def close(self) -> None:
        """Cancel all checks under way."""
        await self._tasks.close()

    def _look_later(self, name: str, delays: Iterator[float]) -> None:
        """Schedule a check, because no event reports a deletion before the end."""
        loop = asyncio.get_running_loop()
        self._looks[name] = loop.call_later(next(delays), self._look, name, delays)

    def _look(self, name: str, delays: Iterator[float]) -> None:
        self._check(name, cached=True)
        self._look_later(name, delays)

    def _unsure(self, name: str) -> list[Waiter]:
        """Return the waiters of this name whose execution was created and has no known end."""
        waiters = self._waiting.get(name, ())
        return [one for one in waiters if one.uid is not None and not one.ended.done()]

    def _check(self, name: str, *, cached: bool = False) -> None:
        """Start a check of the execution. If one is under way, repeat it afterwards.

        With `cached`, the API server may answer from its cache, so an end that has just happened
        may be missed.
        """
        if name in self._checks:
            self._checks[name] = True
        elif self._unsure(name):
            self._checks[name] = False
            self._tasks.start(self._confirm(name, cached=cached))

    async def _confirm(self, name: str, *, cached: bool) -> None:
        """Check the execution, with retries until that works, and resolve its waiters."""
        delays = backoff(_DELAY_MIN, _DELAY_MAX)
        try:
            while waiters := self._unsure(name):
                self._checks[name] = False
                try:
                    async with self._gate:
                        await self._resolve(name, waiters, cached=cached)
                except KubeError as error:
                    _log.warning("check of execution %s failed, retrying: %s", name, error)
                    cached = False
                    await asyncio.sleep(next(delays))
                    continue
                if not self._checks[name]:
                    return
                cached = False
        finally:
            del self._checks[name]

    async def _resolve(self, name: str, waiters: list[Waiter], *, cached: bool) -> None:
        """Check the execution, read it whole if it has ended, and resolve its waiters.

        With `cached`, the API server answers the check from its cache, once that is as new as the
        waiters' executions. Reading a large execution from etcd takes the API server some
        milliseconds of processor time.

        Raises:
            KubeError: a read failed.
        """
        path = self._paths.execution(name)
        obj: dict[str, Any] | None = None
        uid: str | None = None
        with contextlib.suppress(NotFoundError):
            since = _latest(waiters) if cached else None
            uid, phase = await self._state(path, since)
            if phase in TERMINAL and any(waiter.uid == uid for waiter in waiters):
                obj = await self.read(name)
                uid = obj["metadata"]["uid"] if obj is not None else None
        for waiter in waiters:
            if waiter.uid != uid:
                waiter.resolve(None)
            elif obj is not None:
                waiter.resolve(obj)

    async def _state(self, path: str, since: str | None) -> tuple[str | None, str | None]:
        """Return the uid and the phase of the execution at `path`, without reading all of it.

        With `since`, a resource version, the result may be from the API server's cache, but is at
        least as new as that version. The API server then need not read from etcd.

        Raises:
            KubeError: the read failed, or the execution does not exist (NotFoundError).
        """
        params = {"includeObject": "Metadata"} | ({"resourceVersion": since} if since else {})
        async for metadata, (phase,) in self._kube.rows(path, params, "Phase"):
            return metadata["uid"], phase
        return None, None


def _latest(waiters: list[Waiter]) -> str | None:
    """Return the resource version from which on the executions of all waiters exist, if known."""
    versions = [one.version for one in waiters]
    return None if None in versions else max((str(one) for one in versions), key=int)
