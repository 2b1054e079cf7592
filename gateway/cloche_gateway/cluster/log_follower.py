"""Fill the feed of an execution from the log of its Pod and, at the end, from its status."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cloche_api.limits import MIB, RESULT_TEXTS
from cloche_api.meta import CONTAINER
from cloche_gateway.cluster.feed import STREAMS, Piece, Position
from cloche_gateway.results import status_of
from cloche_kube.errors import KubeError, NotFoundError
from cloche_kube.lines import lines_of
from cloche_kube.retry import backoff
from cloche_kube.watch import watch

if TYPE_CHECKING:
    from cloche_gateway.cluster.feed import Feed
    from cloche_gateway.cluster.waiters import Waiters
    from cloche_kube.client import Rest
    from cloche_kube.paths import Paths

_log = logging.getLogger(__name__)

_DELAY_MIN, _DELAY_MAX = 0.25, 5.0
"""Back-off before a log that broke off, or does not exist yet, is read again. It is reset when
there is new output."""
_QUIET_SECONDS = 330.0
"""A log may receive nothing for this time, because a program can run for 300 s without output."""
_LINE_BYTES = 2 * MIB
"""Twice the longest event of a supervisor. Longer lines are not events and are skipped."""
_POLL_SECONDS = 2.0
"""The shortest time between two reads of a log that is not followed."""
_POLL_BYTES_PER_SECOND = 128 * 1024
"""The rate at which such a log is read. Each read starts at its beginning, so a long log is read
less often."""


@dataclass(frozen=True, slots=True)
class Logs:
    """Access to logs, and the number of followed logs of each node."""

    kube: Rest
    paths: Paths
    waiters: Waiters
    per_node: int
    """The most logs of one node that are followed. Each takes an inotify instance of the kubelet,
    and by default Linux allows root 128 of them on a node. Further logs are polled."""
    followed: Counter[str | None] = field(default_factory=Counter)
    """The number of followed logs, by node."""


class Source:
    """Fills one feed: from the log of the claimed Pod and, at the end, from the status."""

    def __init__(self, logs: Logs, obj: dict[str, Any], feed: Feed) -> None:
        self._logs = logs
        self._name = obj["metadata"]["name"]
        self._uid = obj["metadata"]["uid"]
        self._first = obj
        self._feed = feed
        self._read_bytes = 0  # in the last reading of the log

    async def run(self) -> None:
        """Fill the feed until the execution has ended."""
        waiters = self._logs.waiters
        following = asyncio.create_task(self._follow())
        try:
            with waiters.waiter(self._name) as waiter:
                waiters.created(waiter, self._first["metadata"], look=True)
                ended = await waiter.ended
            self._feed.ended_as(ended or _deleted(self._first))
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _follow(self) -> None:
        """Follow or poll the Pod's log. Each read starts at the log's beginning."""
        pod, node = await self._claimed()
        path = self._logs.paths.pod(pod)
        followed = self._logs.followed
        delays = backoff(_DELAY_MIN, _DELAY_MAX)
        while not self._feed.is_cut:
            before = self._feed.at
            follow = followed[node] < self._logs.per_node
            followed[node] += follow
            try:
                if await self._read(path, follow=follow):
                    return
            finally:
                followed[node] -= follow
            if self._feed.at != before:
                delays = backoff(_DELAY_MIN, _DELAY_MAX)
            delay = next(delays)
            if not follow:
                delay = _POLL_SECONDS + self._read_bytes / _POLL_BYTES_PER_SECOND
            await asyncio.sleep(delay)

    async def _claimed(self) -> tuple[str, str | None]:
        """Wait until a Pod is claimed for the execution. Return the Pod's name and its node."""
        path = self._logs.paths.executions
        selector = {"fieldSelector": f"metadata.name={self._name}"}
        if place := _place(self._first):
            return place
        while True:
            try:
                async with contextlib.aclosing(watch(self._logs.kube, path, selector)) as events:
                    async for event in events:
                        if event is None or event["type"] == "BOOKMARK":
                            continue
                        if place := _place(event["object"]):
                            return place
            except KubeError as error:
                _log.warning("watch of execution %s failed, retrying: %s", self._name, error)
            await asyncio.sleep(_DELAY_MIN)

    async def _read(self, path: str, *, follow: bool) -> bool:
        """Read the log once. Return True if there is nothing more to read for this execution."""
        heard, mine = Position(), False
        self._read_bytes = 0
        try:
            params = {"container": CONTAINER, "follow": str(follow).lower()}
            async with self._logs.kube.stream(
                f"{path}/log", params, quiet_seconds=_QUIET_SECONDS
            ) as body:
                async for line in lines_of(body.iter_any(), _LINE_BYTES, skip=True):
                    self._read_bytes += len(line)
                    event = _event(line)
                    kind = event.get("event")
                    if kind in ("started", "exit") and event.get("execution") == self._uid:
                        if kind == "exit":
                            return True
                        mine = True
                        self._feed.begins(event.get("stage"))
                        if not self._feed.at.started:
                            self._feed.add(Piece("started", time=_number(event.get("time"))))
                    elif mine and kind in STREAMS and isinstance(event.get("data"), str):
                        before = getattr(heard, kind)
                        heard = replace(heard, **{kind: before + len(event["data"])})
                        known = getattr(self._feed.at, kind) - before
                        self._feed.add(Piece(kind, event["data"][max(0, known) :]))
                    elif mine and kind == "result" and (result := _result(event)) is not None:
                        heard = replace(heard, results=heard.results + 1)
                        if heard.results > self._feed.at.results:
                            self._feed.add(Piece("result", result=result))
        except NotFoundError:
            return True  # The rest comes from the status.
        except KubeError as error:
            _log.debug("log of %s: %s", path, error)
        return False


def _place(obj: dict[str, Any]) -> tuple[str, str | None] | None:
    """Return the Pod that is claimed for an execution and its node, or None."""
    status = status_of(obj)
    name: str | None = status.get("podName")
    return (name, status.get("nodeName")) if name else None


def _event(line: bytes) -> dict[str, Any]:
    """Parse an event of the supervisor (docs/design/protocol.md). Return {} for other lines."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _result(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return the `cell_models.CellResult` of an event, or None if it is none."""
    kind, data = event.get("kind"), event.get("data")
    if kind not in ("result", "display") or not isinstance(data, dict):
        return None
    if len(data) > RESULT_TEXTS or not all(isinstance(text, str) for text in data.values()):
        return None
    return {"kind": kind, "data": data}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _deleted(obj: dict[str, Any]) -> dict[str, Any]:
    """Return a deleted execution as if it had ended as Cancelled."""
    return {**obj, "status": {"phase": "Cancelled", "reason": "Deleted"}}
