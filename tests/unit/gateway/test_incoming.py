"""Pipelined requests: where one ends, and how many bytes of the next ones are held."""

from __future__ import annotations

import httptools
import pytest

from cloche_api.limits import MIB
from cloche_gateway.errors import OverloadedError
from cloche_gateway.http.incoming import HELD_BYTES, RECEIVE_BYTES, Frame, Held
from cloche_gateway.limits.budget import Budget

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nContent-Length: 9\r\n\r\n\r\n\r\nabc\r\n"
CHUNKED = (
    b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"6\r\n\r\n\r\n\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n"
)
LINES = b"\r\n\r\n"  # A parser skips empty lines before a request line.
STREAM = GET + POST + LINES + CHUNKED + GET + CHUNKED + POST + GET


class Reader:
    """Feeds a real parser as the protocol does, and counts the requests that one call completes."""

    def __init__(self) -> None:
        self.frame = Frame()
        self.parser = httptools.HttpRequestParser(self)
        self.ended = 0
        self.most = 0
        self._length = 0

    def on_message_begin(self) -> None:
        self._length = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if name == b"Content-Length":
            self._length = int(value)

    def on_headers_complete(self) -> None:
        self.frame.expect_body(self._length)

    def on_message_complete(self) -> None:
        self.ended += 1

    def read(self, data: bytes) -> None:
        start = 0
        while start < len(data):
            length = self.frame.length(data, start)
            assert length > 0
            before = self.ended
            self.parser.feed_data(data[start : start + length])
            self.most = max(self.most, self.ended - before)
            start += length


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 16, 61, 1000])
def test_the_parser_receives_one_request_at_a_time_for_any_chunk_size(size: int) -> None:
    reader = Reader()
    for at in range(0, len(STREAM), size):
        reader.read(STREAM[at : at + size])
    assert (reader.ended, reader.most) == (7, 1)


def test_a_complete_request_is_passed_to_the_parser_at_once() -> None:
    assert Frame().length(GET, 0) == len(GET)


def test_held_bytes_are_charged_and_released() -> None:
    budget = Budget(MIB, 1.0)
    held = Held(budget, lambda: None)
    assert not held.add("acme", b"x" * HELD_BYTES)
    assert budget.of("acme") == HELD_BYTES
    assert held.add("acme", b"y")  # Reading from the connection pauses.
    assert budget.of("acme") == HELD_BYTES + 1 + 2 * RECEIVE_BYTES
    assert held.take() == b"x" * HELD_BYTES + b"y"
    assert (budget.used, len(held)) == (0, 0)


def test_bytes_over_the_budget_are_rejected() -> None:
    held = Held(Budget(10, 1.0), lambda: None)
    with pytest.raises(OverloadedError):
        held.add(None, b"x" * 11)
