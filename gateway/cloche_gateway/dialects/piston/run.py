"""One execution, reported as the messages of Piston's websocket."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from cloche_api.resources.phases import Phase
from cloche_gateway import results
from cloche_gateway.cluster.feed import STREAMS, Position
from cloche_gateway.dialects.outcome import outcome
from cloche_gateway.dialects.piston import stages
from cloche_gateway.errors import BusyError, FailedError, GatewayError
from cloche_gateway.services import execution, output_events

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.cluster.feed import Feed, Piece
    from cloche_gateway.dialects.outcome import Outcome
    from cloche_gateway.dialects.piston.job import Job
    from cloche_gateway.dialects.piston.runtimes import Runtime
    from cloche_gateway.http.request import Call
    from cloche_gateway.services.submission import Plan

    _Send = Callable[[dict[str, Any]], Awaitable[None]]

_SILENCE_SECONDS = 60.0
_COMPILE, _RUN = "compile", "run"


class Run:
    """An execution that is followed from its start to its end."""

    def __init__(self, call: Call, runtime: Runtime, planned: Plan, send: _Send) -> None:
        self._context = call.context
        self._caller = call.caller
        self._runtime = runtime
        self._plan = planned
        self._send = send
        self._is_created = False
        self._is_killed = False
        self._has_ended = False
        self._stage: str | None = None

    @classmethod
    async def planned(cls, call: Call, asked: Job, held: Charge, send: _Send) -> Run:
        """Return the run of a job. `held` is resized to the memory of its execution.

        Raises:
            GatewayError: as `execution.plan`.
        """
        made = await execution.plan(call.context, call.origin(), asked.request, held)
        return cls(call, asked.runtime, made, send)

    @property
    def name(self) -> str:
        """The execution's id."""
        return self._plan.name

    def kill(self) -> None:
        """Cancel the execution. `completed` goes on until it has ended."""
        if self._is_killed:
            return
        self._is_killed = True
        self._context.canceller.cancel(self.name, unsure=not self._is_created)

    def give_up(self) -> None:
        """Cancel the execution unless it has ended, because no client reads its output any more."""
        if not self._has_ended and not self._is_killed:
            self._context.canceller.cancel(self.name, unsure=not self._is_created)

    async def completed(self) -> None:
        """Start the program, send its messages, and return after its end.

        Raises:
            GatewayError: the execution has no result, or its output cannot be followed.
        """
        settings = self._context.settings
        seconds = settings.queue_timeout_seconds + settings.wait_margin_seconds
        try:
            async with asyncio.timeout(self._plan.timeout_seconds + seconds):
                await self._start()
                await self._follow()
        except TimeoutError:
            raise FailedError("its Pod did not end in time", self.name) from None

    async def _start(self) -> None:
        try:
            await execution.start(self._context, self._caller, self._plan)
        except GatewayError:
            self._has_ended = True  # It was not created, or `start` has it cancelled.
            raise
        self._is_created = True
        about = {"language": self._runtime.language, "version": self._runtime.shown_version}
        await self._send({"type": "runtime", **about})

    async def _follow(self) -> None:
        obj = await output_events.execution(self._context, self._caller, self.name)
        async with self._context.feeds.feed(obj) as feed:
            del obj
            pieces = feed.pieces_after(Position(), _SILENCE_SECONDS)
            async with contextlib.aclosing(pieces):
                async for found in pieces:
                    if found is not None:
                        await self._tell(found[0], feed)
        if not self._has_ended:  # The feed was cut for lack of room.
            raise BusyError(self.name)

    async def _tell(self, piece: Piece, feed: Feed) -> None:
        if piece.kind == "exit":
            assert piece.obj is not None
            self._has_ended = True
            await self._end(piece.obj)
        elif piece.kind in STREAMS:
            await self._enter(_stage_of(piece, feed))
            # A custom image may print lone surrogates, which JSON cannot contain.
            text = piece.text.encode("utf-8", "replace").decode()
            await self._send({"type": "data", "stream": piece.kind, "data": text})
        else:
            await self._enter(_COMPILE)

    async def _end(self, obj: dict[str, Any]) -> None:
        if self._is_killed and results.phase_of(obj) is Phase.CANCELLED:
            await self._exit(self._stage or _RUN, stages.End(None, stages.KILLED))
            return
        ended = outcome(results.answer(obj))
        await self._enter(_stage_at_end(ended))
        await self._exit(_stage_at_end(ended), stages.end_of(ended))

    async def _enter(self, stage: str) -> None:
        """Report that a stage begins, after the end of the one before, unless that was reported."""
        if self._stage is None and self._runtime.installed.compiled:
            await self._begin(_COMPILE)
        if self._stage == _COMPILE and stage == _RUN:
            await self._exit(_COMPILE, stages.End(0))
        if self._stage != _RUN and (stage == _RUN or not self._runtime.installed.compiled):
            await self._begin(_RUN)

    async def _begin(self, stage: str) -> None:
        self._stage = stage
        await self._send({"type": "stage", "stage": stage})

    async def _exit(self, stage: str, end: stages.End) -> None:
        await self._send({"type": "exit", "stage": stage, "code": end.code, "signal": end.signal})


def _stage_of(piece: Piece, feed: Feed) -> str:
    """Return the stage that printed this output.

    If it was not received while it was printed, the end of the execution shows the stage. The end
    is then the last piece of the feed.
    """
    if piece.replayed and (obj := feed.pieces[-1].obj) is not None:
        try:
            return _stage_at_end(outcome(results.answer(obj)))
        except GatewayError:
            return _RUN
    return _RUN if feed.stage == _RUN else _COMPILE


def _stage_at_end(ended: Outcome) -> str:
    return _COMPILE if ended.in_compiler else _RUN
