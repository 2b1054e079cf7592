"""Waiting for executions to end: one watch for all, a future for each who waits.

The watch carries executions that have ended, whole: the event is the result, and nobody asks for it
once more. What it cannot show, an execution that is deleted before its end, is found by a look at
each that is waited for now and then: at its uid and phase alone, and once for all who wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from cloche_api.phases import ENDED, TERMINAL
from cloche_api.rest import METADATA_LIST
from cloche_gateway import names
from cloche_gateway.kube import KubeError, NotFoundError
from cloche_gateway.watch import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cloche_gateway.kube import KubeClient

_log = logging.getLogger(__name__)

_GET_SECONDS = 10.0
_CHECKS_AT_ONCE = 16  # after a break, so that a returning API server is not run over
_READS_AT_ONCE = 8
"""Executions that are read whole at a time: one takes up to 7 MiB while it is read, as bytes and as
text of 4 bytes a character."""
_LOOK_SECONDS = 5.0
"""From the create to the first look at what somebody waits for: most ends are told before, and
those who wait are not all looked at in one moment. The next ones come after twice the time each."""
_LOOK_SECONDS_MAX = 60.0
_DELAY_MIN, _DELAY_MAX = 0.1, 2.0
_HEEDED = 10_000
"""More unfinished executions than a queue of 1,000 and all that run."""


def source(namespace: str) -> Source:
    """Executions that have ended. Of the list only the version is wanted."""
    return Source(
        names.executions(namespace),
        {"fieldSelector": ENDED},
        list_accept=METADATA_LIST,
        list_limit=1,
    )


def is_terminal(obj: dict[str, Any]) -> bool:
    """Whether an execution has ended."""
    return (obj.get("status") or {}).get("phase") in TERMINAL


class Waiter:
    """One who waits. `ended` gets the ended execution, or None when it exists no more."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.uid: str | None = None
        self.version: str | None = None
        """A resource version at which the execution existed."""
        self.ended: asyncio.Future[dict[str, Any] | None] = (
            asyncio.get_running_loop().create_future()
        )
        self.early: dict[str, Any] | None = None
        """What ended under this name before the create was acknowledged."""

    def tell(self, obj: dict[str, Any] | None) -> None:
        """Hand over the ended execution, None where it is no more; only the first counts."""
        if not self.ended.done():
            self.ended.set_result(obj)


class Waiters:
    """All who wait, and the sink of the one watch."""

    def __init__(self, kube: KubeClient, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._waiting: dict[str, set[Waiter]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._checks: dict[str, bool] = {}
        """Of each name that is being looked at whether to look once more afterwards."""
        self._looks: dict[str, asyncio.TimerHandle] = {}
        """The next look at each name that somebody waits for."""
        self._reads = asyncio.Semaphore(_READS_AT_ONCE)
        self._gate = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._heeded: dict[str, Callable[[dict[str, Any]], None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @contextlib.contextmanager
    def waiter(self, name: str) -> Iterator[Waiter]:
        """Wait for an execution that is about to be created, so that no event can be missed."""
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
        """Say that the execution exists now, with this metadata.

        With `look` it may have ended before anybody waited.
        """
        uid = waiter.uid = metadata["uid"]
        waiter.version = metadata.get("resourceVersion")
        if waiter.early is not None and waiter.early["metadata"]["uid"] == uid:
            waiter.tell(waiter.early)
            return
        if look:
            self._check(waiter.name)
        if waiter.name not in self._looks:
            self._look_later(waiter.name, _LOOK_SECONDS)

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Do nothing: what is not waited for is of no interest, the rest is asked for."""

    def changed(self, kind: str, obj: dict[str, Any]) -> None:  # noqa: ARG002  a record's deletion
        """Take one event: whatever its kind, the object in it has ended."""
        uid = obj["metadata"]["uid"]
        if heed := self._heeded.pop(uid, None):
            heed(obj)
        for waiter in self._waiting.get(obj["metadata"]["name"], ()):
            if waiter.uid is None:
                waiter.early = obj
            elif waiter.uid == uid:
                waiter.tell(obj)

    def heed(self, uid: str, then: Callable[[dict[str, Any]], None]) -> None:
        """Call this when the execution of that uid ends, though nobody waits for it.

        For what may be missed: a watch that breaks, or too many, make it forget some.
        """
        self._heeded[uid] = then
        if len(self._heeded) > _HEEDED:
            del self._heeded[next(iter(self._heeded))]

    def connected(self) -> None:
        """Look at all who wait: a watch that broke may have missed an end."""
        for name in self._waiting:
            self._check(name)

    async def read(self, name: str) -> dict[str, Any] | None:
        """Return the execution, or None when there is none of that name.

        Raises:
            KubeError: when the API server does not tell.
        """
        path = names.execution(self._namespace, name)
        try:
            async with self._reads:
                return await self._kube.get(path, seconds=_GET_SECONDS)
        except NotFoundError:
            return None

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _look_later(self, name: str, seconds: float) -> None:
        """What is deleted before its end is in no event."""
        loop = asyncio.get_running_loop()
        self._looks[name] = loop.call_later(seconds, self._look, name, seconds)

    def _look(self, name: str, waited: float) -> None:
        self._check(name, cached=True)
        self._look_later(name, min(2 * waited, _LOOK_SECONDS_MAX))

    def _unsure(self, name: str) -> list[Waiter]:
        """Who waits for an execution of that name that exists and has not ended as far as known."""
        waiters = self._waiting.get(name, ())
        return [one for one in waiters if one.uid is not None and not one.ended.done()]

    def _check(self, name: str, *, cached: bool = False) -> None:
        """Look at the execution soon; whoever comes while that is under way has another look.

        With `cached` an end that has just come may be missed.
        """
        if name in self._checks:
            self._checks[name] = True
        elif self._unsure(name):
            self._checks[name] = False
            task = asyncio.create_task(self._confirm(name, cached=cached))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _confirm(self, name: str, *, cached: bool) -> None:
        """Look until that works, and tell those who wait what is known."""
        delay = _DELAY_MIN
        try:
            while waiters := self._unsure(name):
                self._checks[name] = False
                try:
                    async with self._gate:
                        await self._tell(name, waiters, cached=cached)
                except KubeError as error:
                    _log.warning("cannot look at execution %s yet: %s", name, error)
                    cached = False
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, _DELAY_MAX)
                    continue
                if not self._checks[name]:
                    return
                cached = False
        finally:
            del self._checks[name]

    async def _tell(self, name: str, waiters: list[Waiter], *, cached: bool) -> None:
        """Look at the execution, and read it whole where it has ended.

        With `cached` in what the API server has in memory, as soon as that is new enough. To read
        a large execution from etcd takes it some milliseconds of processor time.

        Raises:
            KubeError: when the API server does not tell.
        """
        path = names.execution(self._namespace, name)
        obj: dict[str, Any] | None = None
        uid: str | None = None
        with contextlib.suppress(NotFoundError):
            since = _latest(waiters) if cached else None
            uid, phase = await self._kube.state(path, seconds=_GET_SECONDS, since=since)
            if phase in TERMINAL and any(waiter.uid == uid for waiter in waiters):
                obj = await self.read(name)
                uid = obj["metadata"]["uid"] if obj is not None else None
        for waiter in waiters:
            if waiter.uid != uid:
                waiter.tell(None)
            elif obj is not None:
                waiter.tell(obj)


def _latest(waiters: list[Waiter]) -> str | None:
    """The resource version from which on the executions of all of them are known to exist."""
    versions = [one.version for one in waiters]
    return None if None in versions else max((str(one) for one in versions), key=int)
