"""The output of one execution, shared by all its event streams.

A feed keeps the output in memory, charged to the execution's tenant. Each listener reads it at its
own pace, so a slow one does not delay the others.

Positions count characters of stdout and stderr. So they are the same whether the text came from the
Pod's log or, later, from the execution's status.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from cloche_api.limits import RESULTS_ENTRIES
from cloche_api.resources.input import Input
from cloche_gateway.errors import OverloadedError
from cloche_gateway.result_body import cell_result
from cloche_gateway.results import status_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from cloche_api.resources.typed_dicts import OutputFileDict
    from cloche_gateway.limits.bytes import Budget

STREAMS: tuple[Literal["stdout", "stderr"], ...] = ("stdout", "stderr")
_CHARACTERS = 4 * 1024 * 1024
"""The most text that is kept of both streams together. A supervisor limits each stream to 256 KiB;
this bound is for one that does not."""
_EVENT_CHARACTERS = 64 * 1024
"""The most text in one event. A slow listener has at most one unsent event in memory, and JSON can
take six bytes per character."""
_PIECE_BYTES = 120
"""Memory of a piece besides its text."""
_HEAVY = frozenset({"code", *Input.model_fields})
"""Fields of the spec that the `exit` event does not need."""


@dataclass(frozen=True, slots=True)
class Position:
    """How much of an execution a listener has received. Its text is the id of an event.

    Results of a cell are counted. Without any, the text has no such part.
    """

    started: bool = False
    stdout: int = 0
    stderr: int = 0
    ended: bool = False
    results: int = 0

    def __str__(self) -> str:
        shown = f"-{self.results}" if self.results else ""
        return f"{self.started:d}-{self.stdout}-{self.stderr}-{self.ended:d}{shown}"

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """Return the position with this text, or None if it is not one."""
        parts = text.split("-")
        most = len(cls.__slots__)
        if len(parts) not in {most - 1, most}:
            return None
        if not all(part.isascii() and part.isdigit() for part in parts):
            return None
        started, stdout, stderr, ended, *results = (int(part[:9]) for part in parts)
        return cls(bool(started), stdout, stderr, bool(ended), *results)


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of an execution. `kind` is `started`, `stdout`, `stderr`, `result` or `exit`.

    `text` is the output, `result` a `cell_models.CellResult`. `time` is the start in Unix time, for
    `started` from the log. `obj` is the ended execution, reduced by `lean`, for `exit`, and for
    `started` from the status.

    `replayed`: the text comes from the execution's status, where the order between stdout and
    stderr is lost.
    """

    kind: str
    text: str = ""
    time: float | None = None
    obj: dict[str, Any] | None = None
    replayed: bool = False
    result: dict[str, Any] | None = None


class Feed:
    """The output of one execution so far.

    A feed that is cut (`is_cut`) ends before the execution's end, because there was no room for it.
    Its listeners can reconnect and continue where they were.
    """

    def __init__(self, budget: Budget, tenant: str | None) -> None:
        self.tenant = tenant
        self.pieces: list[Piece] = []
        self.at = Position()
        self.listeners = 0
        self.is_cut = False
        self.stage: object = None
        """The stage that began last, `compile` or `run`. None if no beginning was received."""
        self._charge = budget.charge(tenant, cut=self.cut)
        self._news: set[asyncio.Future[None]] = set()

    def begins(self, stage: object) -> None:
        """Note that a stage begins. A log that is read again cannot take it back."""
        if self.stage != "run":
            self.stage = stage

    def add(self, piece: Piece) -> None:
        """Append the next piece. If the memory budget has no room for it, cut the feed."""
        if self.is_cut:
            return
        if piece.kind in STREAMS:
            if not piece.text or self.at.stdout + self.at.stderr >= _CHARACTERS:
                return
            heard = getattr(self.at, piece.kind) + len(piece.text)
            self.at = replace(self.at, **{piece.kind: heard})
        elif piece.kind == "result":
            if self.at.results >= RESULTS_ENTRIES:
                return
            self.at = replace(self.at, results=self.at.results + 1)
        elif piece.kind == "started":
            self.at = replace(self.at, started=True)
        else:
            self.at = replace(self.at, ended=True)
        self.pieces.append(piece)
        try:
            self._charge.resize(self._charge.bytes + _size(piece))
        except OverloadedError:
            self.cut()
        self._notify()

    def ended_as(self, obj: dict[str, Any]) -> None:
        """Append the output that is missing so far, and the end, from the ended execution."""
        status = status_of(obj)
        started: str | None = status.get("startTime")
        kept = lean(obj)
        if started and not self.at.started:
            self.add(Piece("started", obj=kept, replayed=True))
        for stream in STREAMS:
            rest = (status.get(stream) or "")[getattr(self.at, stream) :]
            self.add(Piece(stream, rest, replayed=True))
        for result in (status.get("results") or [])[self.at.results :]:
            self.add(Piece("result", result=cell_result(result), replayed=True))
        self.add(Piece("exit", obj=kept))

    def cut(self) -> None:
        """Drop the output and end the feed early."""
        self.is_cut = True
        self.pieces.clear()
        self._charge.release()
        self._notify()

    def close(self) -> None:
        """Release the feed's charge, when it has no listeners any more."""
        self._charge.release()

    async def pieces_after(
        self, start: Position, silence: float
    ) -> AsyncGenerator[tuple[Piece, Position] | None, None]:
        """Yield the pieces after a position until the end, each with the position after it.

        Yield None each time that nothing came for `silence` seconds.
        """
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
                else:
                    at = _after(piece, at)
                    if not _is_known(piece, at, start):
                        yield piece, at
            if self.at.ended or self.is_cut:
                return
            if not await self._wait(silence):
                yield None

    def _notify(self) -> None:
        for news in self._news:
            if not news.done():
                news.set_result(None)

    async def _wait(self, seconds: float) -> bool:
        """Wait up to this time for a change of the feed. Return whether there was one."""
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._news.add(news)
        try:
            await asyncio.wait({news}, timeout=seconds)
            return news.done()
        finally:
            self._news.discard(news)


def _after(piece: Piece, at: Position) -> Position:
    """Return the position after a start, a result or an end."""
    if piece.kind == "result":
        return replace(at, results=at.results + 1)
    return replace(at, started=True) if piece.kind == "started" else replace(at, ended=True)


def _is_known(piece: Piece, at: Position, start: Position) -> bool:
    """Return whether a listener that begins at `start` has the piece. `at`: after the piece."""
    if piece.kind == "result":
        return at.results <= start.results
    return piece.kind == "started" and start.started


def lean(obj: dict[str, Any]) -> dict[str, Any]:
    """Return an execution without most of its input and output, to keep it in memory.

    The first line of stderr stays, because `detail` may quote it.
    """
    spec = {name: value for name, value in obj["spec"].items() if name not in _HEAVY}
    status = status_of(obj).copy()
    stderr: str | None = status.get("stderr")
    if "stdout" in status:
        status["stdout"] = ""
    if "results" in status:
        status["results"] = []
    if stderr:
        status["stderr"] = "".join(stderr.strip().splitlines()[:1])
    return {**obj, "spec": spec, "status": status}


def _parts(piece: Piece, skipped: int) -> Iterator[tuple[Piece, int]]:
    """Split the text after the first `skipped` characters into events, each with its end."""
    for begin in range(max(0, skipped), len(piece.text), _EVENT_CHARACTERS):
        text = piece.text[begin : begin + _EVENT_CHARACTERS]
        yield replace(piece, text=text), begin + len(text)


def _size(piece: Piece) -> int:
    """Return approximately the bytes of memory that a piece takes."""
    status = status_of(piece.obj or {})
    files: list[OutputFileDict] = status.get("files") or []
    texts: dict[str, str] = (piece.result or {}).get("data", {})
    size = _PIECE_BYTES + sys.getsizeof(piece.text) + sum(map(sys.getsizeof, texts.values()))
    return size + sum(len(file["contentBase64"]) for file in files)
