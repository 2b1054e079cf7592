"""What executions print, while they print it: one reader of a Pod's log for all who listen.

A feed keeps what its execution printed, which is bounded, and everybody reads it at their own pace:
one that is slow keeps nobody waiting. Positions are characters of the two streams, so that they
mean the same whether the text came from the log or, later, from the execution's status.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cloche_api.meta import CONTAINER
from cloche_gateway import names, waiting
from cloche_gateway.errors import BusyError
from cloche_gateway.kube import KubeError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from cloche_gateway.kube import KubeClient
    from cloche_gateway.waiting import Waiters

_log = logging.getLogger(__name__)

_FEEDS = 200
"""At a time; each keeps up to half a megabyte and a connection to the API server."""
_AGAIN_SECONDS = 0.25
"""Before a log that broke off, or that is not there yet, is asked for again."""
_CHARACTERS = 4 * 1024 * 1024
"""Kept of both streams, should a supervisor not keep to its own limit (256 KiB each)."""
_STREAMS = ("stdout", "stderr")


@dataclass(frozen=True, slots=True)
class Position:
    """How much of an execution somebody has got."""

    started: bool = False
    stdout: int = 0
    stderr: int = 0
    ended: bool = False

    def __str__(self) -> str:
        return f"{self.started:d}-{self.stdout}-{self.stderr}-{self.ended:d}"

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """The position that this is the text of; None where it is none."""
        parts = text.split("-")
        if len(parts) != len(cls.__slots__) or not all(p.isascii() and p.isdigit() for p in parts):
            return None
        started, stdout, stderr, ended = (int(part[:9]) for part in parts)
        return cls(bool(started), stdout, stderr, bool(ended))


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of an execution: `started`, `stdout`, `stderr` or `exit`.

    `text` is what was printed. `obj` is the execution as it ended, for `exit`. `replayed` says that
    the text comes from the status, where the order of the two streams is lost.
    """

    kind: str
    text: str = ""
    time: float | None = None
    obj: dict[str, Any] | None = None
    replayed: bool = False


class Feed:
    """All that one execution has printed so far, and news of it."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.at = Position()
        self.listeners = 0
        self._news: set[asyncio.Future[None]] = set()

    def add(self, piece: Piece) -> None:
        """Take in what comes next."""
        if piece.kind in _STREAMS:
            if not piece.text or self.at.stdout + self.at.stderr >= _CHARACTERS:
                return
            heard = getattr(self.at, piece.kind) + len(piece.text)
            self.at = replace(self.at, **{piece.kind: heard})
        elif piece.kind == "started":
            self.at = replace(self.at, started=True)
        else:
            self.at = replace(self.at, ended=True)
        self.pieces.append(piece)
        for news in self._news:
            if not news.done():
                news.set_result(None)

    def ended_as(self, obj: dict[str, Any]) -> None:
        """Take in the end, and of what was printed all that was not heard before."""
        status = obj.get("status") or {}
        if status.get("startTime") and not self.at.started:
            self.add(Piece("started", obj=obj, replayed=True))
        for stream in _STREAMS:
            rest = (status.get(stream) or "")[getattr(self.at, stream) :]
            self.add(Piece(stream, rest, replayed=True))
        self.add(Piece("exit", obj=obj))

    async def pieces_after(
        self, start: Position, silence: float
    ) -> AsyncGenerator[tuple[Piece, Position] | None, None]:
        """What comes after that position, to the end; None whenever nothing came for a while."""
        at, index = Position(), 0
        while True:
            while index < len(self.pieces):
                piece = self.pieces[index]
                index += 1
                if piece.kind in _STREAMS:
                    before = getattr(at, piece.kind)
                    at = replace(at, **{piece.kind: before + len(piece.text)})
                    text = piece.text[max(0, getattr(start, piece.kind) - before) :]
                    if text:
                        yield replace(piece, text=text), at
                elif piece.kind == "started":
                    at = replace(at, started=True)
                    if not start.started:
                        yield piece, at
                else:
                    yield piece, replace(at, ended=True)
            if self.at.ended:
                return
            if not await self._wait(silence):
                yield None

    async def _wait(self, seconds: float) -> bool:
        """Wait for news, for so long; whether there are any."""
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._news.add(news)
        try:
            await asyncio.wait({news}, timeout=seconds)
            return news.done()
        finally:
            self._news.discard(news)


class Feeds:
    """The feeds of all executions that somebody listens to."""

    def __init__(self, kube: KubeClient, namespace: str, waiters: Waiters) -> None:
        self.kube = kube
        self.namespace = namespace
        self.waiters = waiters
        self._feeds: dict[str, tuple[Feed, asyncio.Task[None]]] = {}

    def __len__(self) -> int:
        return len(self._feeds)

    def check_room_for(self, obj: dict[str, Any]) -> None:
        """Find out whether there may be a feed of an execution, before anything is answered.

        Raises:
            BusyError: so many are followed that one more would be too many.
        """
        known = waiting.is_terminal(obj) or obj["metadata"]["uid"] in self._feeds
        if not known and len(self._feeds) >= _FEEDS:
            raise BusyError(obj["metadata"]["name"])

    @contextlib.asynccontextmanager
    async def feed(self, obj: dict[str, Any]) -> AsyncIterator[Feed]:
        """The feed of an execution as it was read; its log is followed while somebody listens.

        Raises:
            BusyError: as `check_room_for`.
        """
        self.check_room_for(obj)
        if waiting.is_terminal(obj):
            feed = Feed()
            feed.ended_as(obj)
            yield feed
            return
        uid = obj["metadata"]["uid"]
        if uid not in self._feeds:
            made = Feed()
            self._feeds[uid] = made, asyncio.create_task(_Source(self, obj, made).run())
        feed, task = self._feeds[uid]
        feed.listeners += 1
        try:
            yield feed
        finally:
            feed.listeners -= 1
            if not feed.listeners:
                del self._feeds[uid]
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """End what is under way."""
        tasks = [task for _, task in self._feeds.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Source:
    """Fills one feed: from the log of the Pod that is claimed, and at the end from the status."""

    def __init__(self, feeds: Feeds, obj: dict[str, Any], feed: Feed) -> None:
        self._feeds = feeds
        self._name = obj["metadata"]["name"]
        self._uid = obj["metadata"]["uid"]
        self._first = obj
        self._feed = feed

    async def run(self) -> None:
        """Fill it, to the end."""
        waiters = self._feeds.waiters
        following = asyncio.create_task(self._follow())
        try:
            with waiters.waiter(self._name) as waiter:
                waiters.created(waiter, self._uid, look=True)
                ended = await waiter.ended
            self._feed.ended_as(ended or _deleted(self._first))
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _follow(self) -> None:
        """Read the log of its Pod, again from its beginning after each break."""
        path = names.pod(self._feeds.namespace, await self._pod())
        while not await self._read(path):  # noqa: ASYNC110  what is waited for is elsewhere
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _pod(self) -> str:
        """The name of the Pod that is claimed for it, as soon as one is."""
        path = names.executions(self._feeds.namespace)
        selector = {"fieldSelector": f"metadata.name={self._name}"}
        if pod := _claimed(self._first):
            return pod
        while True:
            try:
                events = self._feeds.kube.watch(path, params=selector)
                async with contextlib.aclosing(events):
                    async for event in events:
                        if event is None or event["type"] == "BOOKMARK":
                            continue
                        if pod := _claimed(event["object"]):
                            return pod
            except KubeError as error:
                _log.warning("cannot follow execution %s yet: %s", self._name, error)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _read(self, path: str) -> bool:
        """Read the log once; whether that was all of the execution's."""
        heard, mine = Position(), False
        try:
            lines = self._feeds.kube.log(path, container=CONTAINER)
            async with contextlib.aclosing(lines):
                async for line in lines:
                    event = _event(line)
                    kind = event.get("event")
                    if kind in ("started", "exit") and event.get("execution") == self._uid:
                        if kind == "exit":
                            return True
                        mine = True
                        if not self._feed.at.started:
                            self._feed.add(Piece("started", time=_number(event.get("time"))))
                    elif mine and kind in _STREAMS and isinstance(event.get("data"), str):
                        before = getattr(heard, kind)
                        heard = replace(heard, **{kind: before + len(event["data"])})
                        known = getattr(self._feed.at, kind) - before
                        self._feed.add(Piece(kind, event["data"][max(0, known) :]))
        except NotFoundError:
            return True  # the status will tell the rest
        except KubeError as error:
            _log.debug("log of %s: %s", path, error)
        return False


def _claimed(obj: dict[str, Any]) -> str | None:
    """The Pod that is claimed for an execution."""
    name: str | None = (obj.get("status") or {}).get("podName")
    return name


def _event(line: bytes) -> dict[str, Any]:
    """An event of the supervisor (docs/protocol.md); nothing for what is none."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _deleted(obj: dict[str, Any]) -> dict[str, Any]:
    """An execution that is no more, as it ended: cancelled."""
    return {**obj, "status": {"phase": "Cancelled", "reason": "Deleted"}}
