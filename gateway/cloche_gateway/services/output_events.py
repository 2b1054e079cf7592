"""Stream the events of an execution: its feed in the form that clients see."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cloche_gateway import results
from cloche_gateway.services import lookup
from cloche_kube.tasks import first_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cloche_api.resources.typed_dicts import ExecutionStatusDict
    from cloche_gateway.cluster.feed import Piece, Position
    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.context import Context

_SILENCE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Event:
    """A server-sent event: id, `kind` (the event's type), and data."""

    id: str
    kind: str
    data: dict[str, Any]


async def execution(context: Context, caller: Caller, execution_id: str) -> dict[str, Any]:
    """Return the execution whose events are to be streamed.

    Raises:
        GatewayError: as `lookup.status`.
        OverloadedError: as `Feeds.check_room_for`.
    """
    obj = await lookup.read(context.reads.read, caller, execution_id)
    context.feeds.check_room_for(obj)
    return obj


async def events(
    context: Context, obj: dict[str, Any], start: Position
) -> AsyncGenerator[Event | None, None]:
    """Yield the events after a position until the execution's end.

    Yield None each time that nothing came for 15 s. The stream ends early when the gateway shuts
    down, or when the feed is cut for lack of room. The client can then reconnect with the id of the
    last event.
    """
    async with context.feeds.feed(obj) as feed:
        del obj  # frees it, because a stream can last for minutes
        pieces = feed.pieces_after(start, _SILENCE_SECONDS)
        async with contextlib.aclosing(pieces):
            while True:
                first = await first_of(anext(pieces, _END), context.draining)
                if first is context.draining or (found := first.result()) is _END:
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
    data: dict[str, Any] = piece.result or {"data": piece.text}
    return data | {"replayed": True} if piece.replayed else data


def _end(obj: dict[str, Any]) -> dict[str, Any]:
    """Return the status of an ended execution without what other events have."""
    state = results.state(obj)
    result = state["result"] or {}
    printed = ("stdout", "stderr", "results")
    return {**state, "result": {k: v for k, v in result.items() if k not in printed} or None}


def _time(piece: Piece) -> str | None:
    if piece.obj is not None:
        status: ExecutionStatusDict = piece.obj["status"]
        return status.get("startTime")
    if piece.time is None:
        return None
    return datetime.fromtimestamp(piece.time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
