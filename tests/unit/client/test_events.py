"""Server-sent events, and the stream of an execution over several connections."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloche_client.core.feed import Feed
from cloche_client.core.retry import Retry
from cloche_client.core.sse import Decoder, Message
from cloche_client.core.wire import Reply
from cloche_client.errors import ConnectionFailedError, NotFoundError, UnexpectedAnswerError
from cloche_client.events import Event, Exit, Started, Stderr, Stdout

STREAM = (
    b"event: stdout\ndata: {}\nid: 1\n\n: comment\n\n"
    b'event: exit\r\ndata: {"a":\r\ndata: "\xc3\xa9"}\r\nid: 2\r\n\r\n'
)
MESSAGES = [Message("stdout", "{}", "1"), Message("exit", '{"a":\n"é"}', "2")]
STATE = {"execution_id": "e", "status": "completed", "result": {"exit_code": 3, "reason": "Exited"}}


def feed(attempts: int = 3) -> Feed:
    return Feed("e/1", Retry(attempts=attempts, jitter=lambda: 1.0))


def event(kind: str, data: dict[str, Any], id_: str = "") -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\nid: {id_}\n\n".encode()


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(STREAM)])
def test_events_are_decoded_whatever_parts_they_come_in(size: int) -> None:
    decoder = Decoder()
    parts = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [message for part in parts for message in decoder.feed(part)] == MESSAGES


def test_an_event_without_an_end_is_bounded() -> None:
    decoder = Decoder()
    with pytest.raises(UnexpectedAnswerError, match="too long"):
        _ = [decoder.feed(b"data: " + b"x" * 100_000) for _ in range(400)]


def test_an_event_of_many_lines_is_bounded() -> None:
    decoder = Decoder()
    with pytest.raises(UnexpectedAnswerError, match="too long"):
        _ = [decoder.feed(b"data: " + b"x" * 100_000 + b"\n") for _ in range(400)]


def test_events_have_types() -> None:
    found: list[Event] = feed().take(
        event("started", {"time": "2026-01-01T12:00:00Z"})
        + event("stdout", {"data": "out"})
        + event("stderr", {"data": "err", "replayed": True})
        + event("later", {"new": 1})
        + event("exit", STATE)
    )
    assert found[:3] == [
        Started("2026-01-01T12:00:00Z"),
        Stdout("out"),
        Stderr("err", replayed=True),
    ]
    assert isinstance(found[3], Exit)
    assert (found[3].exit_code, found[3].reason) == (3, "Exited")


def test_the_next_connection_continues_after_the_last_event() -> None:
    one = feed()
    assert "Last-Event-ID" not in one.request().headers
    assert one.request().path == "/api/v1/executions/e%2F1/events"
    one.take(event("stdout", {"data": "a"}, "1-1-0-0") + b"event: stdout\ndata: {")
    one.closed()
    assert one.pause > 0
    assert one.request().headers["Last-Event-ID"] == "1-1-0-0"
    # The half event of the lost connection is not part of the next one.
    assert one.take(event("exit", STATE)) != []
    assert one.done


def test_a_stream_that_is_lost_again_and_again_ends_with_the_error() -> None:
    one, lost = feed(attempts=3), ConnectionFailedError("lost", sent=True)
    one.lost(lost)
    one.lost(lost)
    with pytest.raises(ConnectionFailedError):
        one.lost(lost)


def test_an_event_between_two_losses_starts_the_count_again() -> None:
    one, lost = feed(attempts=2), ConnectionFailedError("lost", sent=True)
    for _ in range(5):
        one.lost(lost)
        one.take(event("stdout", {"data": "a"}))


def test_a_busy_server_is_asked_again_and_an_unknown_execution_is_not() -> None:
    one = feed()
    one.refused(Reply(503, {"retry-after": "7"}, b'{"detail": "busy"}'))
    assert one.pause == 7
    with pytest.raises(NotFoundError):
        one.refused(Reply(404, {}, b'{"detail": "Execution e not found"}'))


@pytest.mark.parametrize("data", ["{", "[]", '{"data": 5}', "null"])
def test_an_event_that_is_no_event_of_cloche_is_an_error(data: str) -> None:
    with pytest.raises(UnexpectedAnswerError):
        feed().take(f"event: stdout\ndata: {data}\n\n".encode())
