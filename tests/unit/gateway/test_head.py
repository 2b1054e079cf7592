"""Limits on the head of a request, and heads that ask for another protocol."""

from __future__ import annotations

import pytest

from cloche_api.limits import MIB
from cloche_gateway.http.head import (
    CHUNKS,
    HEAD_BYTES,
    HEADERS,
    UNCHARGED_BYTES,
    Head,
    RefusedHeadError,
    content_length,
    without_upgrade,
)
from cloche_gateway.limits.budget import Budget


@pytest.fixture
def budget() -> Budget:
    return Budget(MIB, 1.0)


@pytest.fixture
def head(budget: Budget) -> Head:
    return Head(budget)


def test_an_incomplete_request_head_is_charged(head: Head, budget: Budget) -> None:
    head.count(UNCHARGED_BYTES)
    head.check()
    assert budget.used == 0
    head.count(1)
    head.check()
    assert budget.used == 2 * (UNCHARGED_BYTES + 1)
    head.complete("1.1")
    assert budget.used == 0


def test_a_request_head_that_is_too_long_is_rejected(head: Head) -> None:
    head.count(HEAD_BYTES)
    head.check()
    head.count(1)
    with pytest.raises(RefusedHeadError, match="headers: must be at most 64 KiB"):
        head.check()


def test_header_lines_are_limited_and_trailers_are_not_kept(head: Head) -> None:
    assert all(head.add() for _ in range(HEADERS - 1))
    head.complete("1.1")
    assert not head.add()
    with pytest.raises(RefusedHeadError, match="headers: must be at most 100 lines"):
        head.add()
    head.begin()
    assert head.add()


def test_the_number_of_chunks_is_limited(head: Head) -> None:
    for _ in range(CHUNKS):
        head.add_chunk()
    with pytest.raises(RefusedHeadError, match="body: must come in at most 16384 chunks"):
        head.add_chunk()


@pytest.mark.parametrize("version", ["0.9", "2.0", "1.2"])
def test_another_http_version_is_rejected(head: Head, version: str) -> None:
    with pytest.raises(RefusedHeadError, match=f"HTTP/{version}: must be HTTP/1.1 or HTTP/1.0"):
        head.complete(version)


def test_content_length_is_read_from_the_headers() -> None:
    assert content_length([(b"host", b"x"), (b"content-length", b"12 ")]) == 12
    assert content_length([(b"transfer-encoding", b"chunked")]) == 0


def test_without_upgrade_removes_only_the_upgrade_headers() -> None:
    headers = [
        (b"host", b"x"),
        (b"connection", b"Upgrade, HTTP2-Settings"),
        (b"upgrade", b"h2c"),
        (b"http2-settings", b"AAMAAABkAAQAoAAAAAIAAAAA"),
        (b"connection", b"close, upgrade"),
        (b"content-length", b"3"),
    ]
    assert without_upgrade("POST", b"/a?b=c", "1.0", headers) == (
        b"POST /a?b=c HTTP/1.0\r\nhost: x\r\nconnection: close\r\ncontent-length: 3\r\n\r\n"
    )


def test_connect_is_rejected() -> None:
    with pytest.raises(RefusedHeadError, match="CONNECT is not supported"):
        without_upgrade("CONNECT", b"a:1", "1.1", [])
