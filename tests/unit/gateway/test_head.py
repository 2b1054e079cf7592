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


def test_a_head_in_the_making_is_charged_until_it_is_complete(head: Head, budget: Budget) -> None:
    head.count(UNCHARGED_BYTES)
    head.check()
    assert budget.used == 0
    head.count(1)
    head.check()
    assert budget.used == 2 * (UNCHARGED_BYTES + 1)
    head.complete("1.1")
    assert budget.used == 0


def test_a_head_that_is_too_long_is_refused(head: Head) -> None:
    head.count(HEAD_BYTES)
    head.check()
    head.count(1)
    with pytest.raises(RefusedHeadError, match="headers: must be at most 64 KiB"):
        head.check()


def test_headers_are_counted_and_trailers_are_not_kept(head: Head) -> None:
    assert all(head.add() for _ in range(HEADERS - 1))
    head.complete("1.1")
    assert not head.add()
    with pytest.raises(RefusedHeadError, match="headers: must be at most 100 lines"):
        head.add()
    head.begin()
    assert head.add()


def test_chunks_are_counted(head: Head) -> None:
    for _ in range(CHUNKS):
        head.add_chunk()
    with pytest.raises(RefusedHeadError, match="body: must come in at most 16384 chunks"):
        head.add_chunk()


@pytest.mark.parametrize("version", ["0.9", "2.0", "1.2"])
def test_other_versions_of_http_are_refused(head: Head, version: str) -> None:
    with pytest.raises(RefusedHeadError, match=f"HTTP/{version}: must be HTTP/1.1 or HTTP/1.0"):
        head.complete(version)


def test_the_declared_length_is_the_bodys() -> None:
    assert content_length([(b"host", b"x"), (b"content-length", b"12 ")]) == 12
    assert content_length([(b"transfer-encoding", b"chunked")]) == 0


def test_without_the_upgrade_the_head_is_the_same() -> None:
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


def test_connect_is_refused() -> None:
    with pytest.raises(RefusedHeadError, match="CONNECT is not supported"):
        without_upgrade("CONNECT", b"a:1", "1.1", [])
