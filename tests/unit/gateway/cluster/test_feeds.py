"""A feed resumes after any position, without loss or repetition, and stays within its budget."""

from __future__ import annotations

from typing import Any

import pytest

from cloche_api.limits import MIB
from cloche_gateway.cluster.feed import Feed, Piece, Position, lean
from cloche_gateway.limits.bytes import Budget

SILENCE_SECONDS = 10.0
PRINTED = [("stdout", "one "), ("stderr", "oh "), ("stdout", "two "), ("stdout", "three")]
ENDED: dict[str, Any] = {
    "spec": {"language": "python", "code": "x" * 1000, "stdin": "y" * 1000},
    "status": {"stdout": "one two three", "stderr": "oh "},
}


@pytest.fixture
def budget() -> Budget:
    return Budget(MIB, 1.0)


@pytest.fixture
def feed(budget: Budget) -> Feed:
    """A feed with one piece for each write, and the end."""
    made = Feed(budget, "acme")
    made.add(Piece("started", time=1.0))
    for kind, text in PRINTED:
        made.add(Piece(kind, text))
    made.ended_as(ENDED)
    return made


async def pieces_after(feed: Feed, start: Position) -> list[tuple[str, str, Position]]:
    """Return kind, text and position of each piece after `start`."""
    events = []
    async for found in feed.pieces_after(start, SILENCE_SECONDS):
        assert found is not None
        piece, at = found
        events.append((piece.kind, piece.text, at))
    return events


async def test_a_feed_delivers_each_piece_once(feed: Feed) -> None:
    kinds = [(kind, text) for kind, text, _ in await pieces_after(feed, Position())]
    assert kinds == [("started", ""), *PRINTED, ("exit", "")]


async def test_a_feed_resumes_after_each_position(feed: Feed) -> None:
    events = await pieces_after(feed, Position())
    for number, (_, _, at) in enumerate(events[:-1], start=1):
        assert await pieces_after(feed, at) == events[number:]


async def test_a_feed_resumes_within_a_piece(feed: Feed) -> None:
    events = await pieces_after(feed, Position(started=True, stdout=6, stderr=3))
    assert [(kind, text) for kind, text, _ in events] == [
        ("stdout", "o "),
        ("stdout", "three"),
        ("exit", ""),
    ]


async def test_a_long_text_is_split_into_events_of_64_ki_characters(budget: Budget) -> None:
    feed = Feed(budget, "acme")
    feed.add(Piece("stdout", "a"))
    feed.ended_as({"spec": {}, "status": {"stdout": "a" + "b" * 150_000}})
    events = await pieces_after(feed, Position(stdout=10))
    assert [len(text) for _, text, _ in events] == [65536, 65536, 150_001 - 10 - 2 * 65536, 0]
    assert [at.stdout for _, _, at in events] == [10 + 65536, 10 + 2 * 65536, 150_001, 150_001]
    for number, (_, _, at) in enumerate(events[:-1], start=1):
        assert await pieces_after(feed, at) == events[number:]


async def test_the_memory_of_a_feed_is_charged_to_its_tenant(feed: Feed, budget: Budget) -> None:
    assert 500 < budget.of("acme") < 1500
    feed.ended_as({"spec": {}, "status": {"files": [{"contentBase64": "x" * 10_000}]}})
    assert 10_500 < budget.of("acme") < 12_000
    feed.close()
    assert budget.used == 0


async def test_a_feed_over_its_budget_is_cut_and_its_listeners_end(budget: Budget) -> None:
    feed = Feed(budget, "acme")
    feed.add(Piece("stdout", "a"))
    pieces = feed.pieces_after(Position(), SILENCE_SECONDS)
    assert await anext(pieces) is not None
    feed.add(Piece("stdout", "b" * 2 * MIB))
    assert feed.is_cut
    assert [one async for one in pieces] == []
    assert budget.used == 0


def test_an_ended_feed_keeps_neither_input_nor_output() -> None:
    given = {"args": ["a"], "environment": {"A": "b"}, "files": [{"path": "a", "content": "b"}]}
    spec = ENDED["spec"] | given
    obj = lean({"spec": spec, "status": {"stdout": "o", "stderr": "\n why\nmore", "a": 1}})
    assert obj["spec"] == {"language": "python"}
    assert obj["status"] == {"stdout": "", "stderr": "why", "a": 1}
