"""The head of a request as it comes in: what it may cost before anybody is asked for a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_api.budget import Charge
    from cloche_gateway.budget import Budget

HEAD_BYTES = 64 * 1024
"""Of a request line and its headers, of a chunk's head, or of trailers: what the parser keeps."""
UNCHARGED_BYTES = 4 * 1024
"""Of a head that is not complete yet; more is charged to the budget. Most heads are below 2 KiB."""
HEADERS = 100
"""Lines of a head and of trailers, as many as Apache allows: a short one costs 60 times its bytes
in memory."""
CHUNKS = 16 * 1024
"""Of one body: 256 bytes each on average in the largest one. Each costs some microseconds."""
_VERSIONS = frozenset({"1.0", "1.1"})
_UPGRADE = frozenset({b"upgrade", b"http2-settings"})
"""Headers that ask for another protocol: RFC 9110, 7.8, and RFC 7540, 3.2."""


class RefusedHeadError(Exception):
    """The request breaks a rule of this module. The message is the answer's `detail`."""


class Head:
    """Counts what comes of one request, and drops what is not to be kept."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._charge: Charge | None = None
        self._kept = 0
        self._lines = 0
        self._chunks = 0
        self._complete = False
        self.upgrades = False
        """Whether it asks for another protocol, so that the parser has skipped its body."""

    def begin(self) -> None:
        """Count anew, for another request."""
        self._lines = self._chunks = 0
        self._complete = self.upgrades = False

    def count(self, length: int) -> None:
        """So many bytes more go to the parser."""
        self._kept += length

    def check(self) -> None:
        """Judge what the parser keeps now.

        Raises:
            RefusedHeadError: it is too much.
            OverloadedError: there is no room for it.
        """
        if self._kept > HEAD_BYTES:
            raise RefusedHeadError(f"headers: must be at most {HEAD_BYTES // 1024} KiB")
        if self._kept > UNCHARGED_BYTES:
            if self._charge is None:
                self._charge = self._budget.charge(None)
            self._charge.resize(2 * self._kept)  # the bytes, and objects of a line each

    def moved_on(self) -> None:
        """The parser has handed on what it kept."""
        self._kept = 0
        if self._charge is not None:
            self._charge.release()
            self._charge = None

    def add(self) -> bool:
        """Count a header; whether it belongs to the head and is not a trailer.

        Raises:
            RefusedHeadError: there are too many.
        """
        self._lines += 1
        if self._lines > HEADERS:
            raise RefusedHeadError(f"headers: must be at most {HEADERS} lines")
        return not self._complete

    def add_chunk(self) -> None:
        """Count a chunk.

        Raises:
            RefusedHeadError: there are too many.
        """
        self._chunks += 1
        if self._chunks > CHUNKS:
            raise RefusedHeadError(f"body: must come in at most {CHUNKS} chunks")

    def complete(self, version: str) -> None:
        """The head is complete.

        Raises:
            RefusedHeadError: it is of another version of HTTP.
        """
        if version not in _VERSIONS:
            raise RefusedHeadError(f"HTTP/{version}: must be HTTP/1.1 or HTTP/1.0")
        self._complete = True
        self.moved_on()


def content_length(headers: Sequence[tuple[bytes, bytes]]) -> int:
    """The bytes of a body whose length is declared, which the parser has checked; else 0."""
    for name, value in headers:
        if name == b"content-length":
            return int(value)
    return 0


def without_upgrade(
    method: str, url: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]
) -> bytes:
    """The same head of HTTP/`version` without the wish for another protocol.

    The names and values are what the parser accepted, so that none holds the end of a line.

    Raises:
        RefusedHeadError: it is a CONNECT, which is nothing else than that wish.
    """
    if method == "CONNECT":
        raise RefusedHeadError("CONNECT is not supported")
    lines = [b"%s %s HTTP/%s\r\n" % (method.encode(), url, version.encode())]
    for name, value in headers:
        if name == b"connection":
            kept = [one for one in value.split(b",") if one.strip().lower() not in _UPGRADE]
            if kept:
                lines.append(b"connection: %s\r\n" % b",".join(kept))
        elif name not in _UPGRADE:
            lines.append(b"%s: %s\r\n" % (name, value))
    return b"".join([*lines, b"\r\n"])
