"""A feed of several pieces: who comes again gets what it has not got, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from cloche_gateway.feeds import Feed, Piece, Position

SILENCE_SECONDS = 10.0
PRINTED = [("stdout", "one "), ("stderr", "oh "), ("stdout", "two "), ("stdout", "three")]
ENDED: dict[str, Any] = {"status": {"stdout": "one two three", "stderr": "oh "}}


@pytest.fixture
def feed() -> Feed:
    """One that heard each write by itself, and then the end."""
    made = Feed()
    made.add(Piece("started", time=1.0))
    for kind, text in PRINTED:
        made.add(Piece(kind, text))
    made.ended_as(ENDED)
    return made


async def heard(feed: Feed, start: Position) -> list[tuple[str, str, Position]]:
    """Kind, text and position of all that comes after `start`."""
    events = []
    async for found in feed.pieces_after(start, SILENCE_SECONDS):
        assert found is not None
        piece, at = found
        events.append((piece.kind, piece.text, at))
    return events


async def test_each_piece_comes_once(feed: Feed) -> None:
    kinds = [(kind, text) for kind, text, _ in await heard(feed, Position())]
    assert kinds == [("started", ""), *PRINTED, ("exit", "")]


async def test_each_position_leads_to_the_next_piece(feed: Feed) -> None:
    events = await heard(feed, Position())
    for number, (_, _, at) in enumerate(events[:-1], start=1):
        assert await heard(feed, at) == events[number:]


async def test_a_position_within_a_piece_leads_to_the_rest_of_it(feed: Feed) -> None:
    events = await heard(feed, Position(started=True, stdout=6, stderr=3))
    assert [(kind, text) for kind, text, _ in events] == [
        ("stdout", "o "),
        ("stdout", "three"),
        ("exit", ""),
    ]
