"""Listen to an execution: its feed as events that people are told."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cloche_gateway.services import answers, looking_up, results

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cloche_gateway.context import Context
    from cloche_gateway.feed import Piece, Position
    from cloche_gateway.keys import Caller

_SILENCE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its id, what kind it is of, and its JSON."""

    id: str
    kind: str
    data: dict[str, Any]


async def execution(context: Context, caller: Caller, execution_id: str) -> dict[str, Any]:
    """The execution that is listened to.

    Raises:
        GatewayError: as `looking_up.status`.
        OverloadedError: as many are listened to as may be.
    """
    obj = await looking_up.read(context.reads.read, caller, execution_id)
    context.feeds.check_room_for(obj)
    return obj


async def events(
    context: Context, obj: dict[str, Any], start: Position
) -> AsyncGenerator[Event | None, None]:
    """What it prints after that position, to its end; None whenever nothing came for 15 s.

    It ends early when the gateway is being stopped: the client comes again, to another.
    """
    async with context.feeds.feed(obj) as feed:
        del obj  # whole, and a stream may last for minutes
        pieces = feed.pieces_after(start, _SILENCE_SECONDS)
        async with contextlib.aclosing(pieces):
            while True:
                coming = asyncio.ensure_future(anext(pieces, _END))
                first: set[asyncio.Future[Any]] = {coming, context.draining}
                try:
                    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not coming.done():  # it stops, or the client is gone
                        coming.cancel()
                        await asyncio.gather(coming, return_exceptions=True)
                if coming.cancelled():
                    return
                found = coming.result()
                if found is _END:
                    return
                yield (
                    found if found is None else Event(str(found[1]), found[0].kind, _data(found[0]))
                )


_END: Any = object()


def _data(piece: Piece) -> dict[str, Any]:
    if piece.kind == "exit":
        assert piece.obj is not None
        return _end(piece.obj)
    if piece.kind == "started":
        return {"time": _time(piece)}
    data: dict[str, Any] = {"data": piece.text}
    return data | {"replayed": True} if piece.replayed else data


def _end(obj: dict[str, Any]) -> dict[str, Any]:
    """The result, but for what was printed."""
    state = results.state(obj, answers.detail_of(obj))
    result = state["result"] or {}
    printed = ("stdout", "stderr")
    return {**state, "result": {k: v for k, v in result.items() if k not in printed} or None}


def _time(piece: Piece) -> str | None:
    if piece.obj is not None:
        started: str | None = piece.obj["status"].get("startTime")
        return started
    return None if piece.time is None else datetime.fromtimestamp(piece.time, UTC).isoformat()
