"""What one execution has printed so far, for all who listen to it.

A feed keeps what its execution printed, charged to the budget of its tenant, and everybody reads it
at their own pace: one that is slow keeps nobody waiting. Positions are characters of the two
streams, so that they mean the same whether the text came from the log or, later, from the
execution's status.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cloche_api.input import Input
from cloche_gateway.errors import OverloadedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from cloche_gateway.budget import Budget

STREAMS = ("stdout", "stderr")
_CHARACTERS = 4 * 1024 * 1024
"""Kept of both streams, should a supervisor not keep to its own limit (256 KiB each)."""
_EVENT_CHARACTERS = 64 * 1024
"""Of one event: a listener that is slow has at most one in memory that it has not taken, and JSON
makes up to six bytes of a character."""
_PIECE_BYTES = 120
"""Of a piece besides its text."""
_HEAVY = frozenset({"code", *Input.model_fields})
"""Of a spec, what nobody is told at the end."""


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

    `text` is what was printed. `obj` is the execution as it ended, as `lean` has it, for `exit`.
    `replayed` says that the text comes from the status, where the order of the two streams is lost.
    """

    kind: str
    text: str = ""
    time: float | None = None
    obj: dict[str, Any] | None = None
    replayed: bool = False


class Feed:
    """All that one execution has printed so far, and news of it."""

    def __init__(self, budget: Budget, tenant: str | None) -> None:
        self.tenant = tenant
        self.pieces: list[Piece] = []
        self.at = Position()
        self.listeners = 0
        self.is_cut = False
        self._charge = budget.charge(tenant, cut=self.cut)
        self._news: set[asyncio.Future[None]] = set()

    def add(self, piece: Piece) -> None:
        """Take in what comes next. Where there is no room for it, the feed is cut."""
        if self.is_cut:
            return
        if piece.kind in STREAMS:
            if not piece.text or self.at.stdout + self.at.stderr >= _CHARACTERS:
                return
            heard = getattr(self.at, piece.kind) + len(piece.text)
            self.at = replace(self.at, **{piece.kind: heard})
        elif piece.kind == "started":
            self.at = replace(self.at, started=True)
        else:
            self.at = replace(self.at, ended=True)
        self.pieces.append(piece)
        try:
            self._charge.resize(self._charge.bytes + _size(piece))
        except OverloadedError:
            self.cut()
        self._tell()

    def ended_as(self, obj: dict[str, Any]) -> None:
        """Take in the end, and of what was printed all that was not heard before."""
        status = obj.get("status") or {}
        told = lean(obj)
        if status.get("startTime") and not self.at.started:
            self.add(Piece("started", obj=told, replayed=True))
        for stream in STREAMS:
            rest = (status.get(stream) or "")[getattr(self.at, stream) :]
            self.add(Piece(stream, rest, replayed=True))
        self.add(Piece("exit", obj=told))

    def cut(self) -> None:
        """End it before its end: who listens comes again, and goes on where it was."""
        self.is_cut = True
        self.pieces.clear()
        self._charge.release()
        self._tell()

    def close(self) -> None:
        """Give back what it was charged: nobody listens any more."""
        self._charge.release()

    async def pieces_after(
        self, start: Position, silence: float
    ) -> AsyncGenerator[tuple[Piece, Position] | None, None]:
        """What comes after that position, to the end; None whenever nothing came for a while."""
        at, index = Position(), 0
        while True:
            while index < len(self.pieces):
                piece = self.pieces[index]
                index += 1
                if piece.kind in STREAMS:
                    before = getattr(at, piece.kind)
                    for part, end in _parts(piece, getattr(start, piece.kind) - before):
                        yield part, replace(at, **{piece.kind: before + end})
                    at = replace(at, **{piece.kind: before + len(piece.text)})
                elif piece.kind == "started":
                    at = replace(at, started=True)
                    if not start.started:
                        yield piece, at
                else:
                    yield piece, replace(at, ended=True)
            if self.at.ended or self.is_cut:
                return
            if not await self._wait(silence):
                yield None

    def _tell(self) -> None:
        for news in self._news:
            if not news.done():
                news.set_result(None)

    async def _wait(self, seconds: float) -> bool:
        """Wait for news, for so long; whether there are any."""
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._news.add(news)
        try:
            await asyncio.wait({news}, timeout=seconds)
            return news.done()
        finally:
            self._news.discard(news)


def lean(obj: dict[str, Any]) -> dict[str, Any]:
    """An execution without what it was given and has printed, for whoever keeps it.

    Of stderr the first line stays, which may be what is told of its end.
    """
    spec = {name: value for name, value in obj["spec"].items() if name not in _HEAVY}
    status = dict(obj.get("status") or {})
    if "stdout" in status:
        status["stdout"] = ""
    if status.get("stderr"):
        status["stderr"] = "".join(status["stderr"].strip().splitlines()[:1])
    return {**obj, "spec": spec, "status": status}


def _parts(piece: Piece, skipped: int) -> Iterator[tuple[Piece, int]]:
    """What follows the first `skipped` characters, an event each, and where each ends."""
    for begin in range(max(0, skipped), len(piece.text), _EVENT_CHARACTERS):
        text = piece.text[begin : begin + _EVENT_CHARACTERS]
        yield replace(piece, text=text), begin + len(text)


def _size(piece: Piece) -> int:
    """Its bytes in memory, nearly."""
    files = ((piece.obj or {}).get("status") or {}).get("files") or ()
    return (
        _PIECE_BYTES
        + sys.getsizeof(piece.text)
        + sum(len(file.get("contentBase64") or "") for file in files)
    )
