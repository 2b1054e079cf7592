"""Bytes that arrive on a connection: bounds on a request's head, and on pipelined requests.

The head arrives before the API key can be checked.

HTTP/1.1 lets a client send requests before it has the responses to earlier ones. A parsed request
takes a hundred times its bytes in memory. So one request at a time is parsed: the parser gets no
byte beyond the end of a request until the client has read the response to it, and the bytes after
it are held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.limits.bytes import Budget

HEAD_BYTES = 64 * 1024
"""The most bytes that the parser may keep: of a request line and its headers, of a chunk's head, or
of trailers."""
HEAD_SECONDS = 30.0
"""Time limit for a request's head, from the connection or from the first byte of a later
request."""
UNCHARGED_BYTES = 4 * 1024
"""Bytes of an incomplete head that are not charged to the memory budget. Most heads have less than
2 KiB."""
HEADERS = 100
"""The most headers of a request, trailers included; Apache has the same limit. In memory, a short
header takes 60 times its bytes."""
CHUNKS = 16 * 1024
"""The most chunks of one body: on average 256 bytes per chunk of the largest body. Each chunk takes
some microseconds."""
_VERSIONS = frozenset({"1.0", "1.1"})
_UPGRADE = frozenset({b"upgrade", b"http2-settings"})
"""Headers that ask for another protocol: RFC 9110, 7.8, and RFC 7540, 3.2."""
_END = b"\r\n\r\n"
HELD_BYTES = 16 * 1024
"""Bytes of later requests that are held while the connection is still read, which detects a
disconnect. Beyond that, reading pauses until the client has taken the response."""
RECEIVE_BYTES = 64 * 1024
"""Size of a connection's receive buffer in the kernel, which doubles it for its own use. With a
round trip of 200 ms, a body of 4 MiB still arrives within its 30 s, and the data that is not read
stays small."""


class RefusedHeadError(Exception):
    """The request breaks a rule of this module. The message is the response's `detail`."""


class Head:
    """Counts the bytes, headers and chunks of one request, and charges what the parser keeps."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._charge: Charge | None = None
        self._kept = 0
        self._lines = 0
        self._chunks = 0
        self._complete = False
        self.upgrades = False
        """Whether the request asks for another protocol. The parser has then skipped its body."""

    def begin(self) -> None:
        """Reset the counts for a new request."""
        self._lines = self._chunks = 0
        self._complete = self.upgrades = False

    def count(self, length: int) -> None:
        """Count bytes that are passed to the parser."""
        self._kept += length

    def check(self) -> None:
        """Check and charge the bytes that the parser keeps now.

        Raises:
            RefusedHeadError: there are more than `HEAD_BYTES`.
            OverloadedError: the memory budget has no room for them.
        """
        if self._kept > HEAD_BYTES:
            raise RefusedHeadError(f"headers: must be at most {HEAD_BYTES // 1024} KiB")
        if self._kept > UNCHARGED_BYTES:
            if self._charge is None:
                self._charge = self._budget.charge(None)
            self._charge.resize(2 * self._kept)  # the bytes, and one object per line

    def moved_on(self) -> None:
        """Release the charge, because the parser has passed on the bytes that it kept."""
        self._kept = 0
        if self._charge is not None:
            self._charge.release()
            self._charge = None

    def add(self) -> bool:
        """Count a header. Return False if it is a trailer.

        Raises:
            RefusedHeadError: there are more than `HEADERS`.
        """
        self._lines += 1
        if self._lines > HEADERS:
            raise RefusedHeadError(f"headers: must be at most {HEADERS} lines")
        return not self._complete

    def add_chunk(self) -> None:
        """Count a chunk.

        Raises:
            RefusedHeadError: there are more than `CHUNKS`.
        """
        self._chunks += 1
        if self._chunks > CHUNKS:
            raise RefusedHeadError(f"body: must come in at most {CHUNKS} chunks")

    def complete(self, version: str) -> None:
        """Mark the head as complete.

        Raises:
            RefusedHeadError: the HTTP version is neither 1.0 nor 1.1.
        """
        if version not in _VERSIONS:
            raise RefusedHeadError(f"HTTP/{version}: must be HTTP/1.1 or HTTP/1.0")
        self._complete = True
        self.moved_on()


def content_length(headers: Sequence[tuple[bytes, bytes]]) -> int:
    """Return Content-Length, which the parser has validated, or 0 without one."""
    for name, value in headers:
        if name == b"content-length":
            return int(value)
    return 0


def without_upgrade(
    method: str, url: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]
) -> bytes:
    """Return the head, of this HTTP version, without the headers that ask for another protocol.

    The parser has accepted the names and values, so none of them contains a line break.

    Raises:
        RefusedHeadError: the method is CONNECT, which always asks for another protocol.
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


class Frame:
    """Finds how many bytes can be passed to the parser without reaching into a later request.

    The parser is strict: a head and a chunked body each end with an empty line. So the bytes up to
    the next empty line belong to one request.
    """

    def __init__(self) -> None:
        self._left = 0
        self._tail = b""

    def expect_body(self, length: int) -> None:
        """Announce a body of this length in bytes; 0 for no body or a chunked one."""
        self._left = length
        self._tail = b""

    def length(self, data: bytes, start: int) -> int:
        """Return how many bytes of `data` from `start` on, at least 1, to pass to the parser."""
        there = len(data) - start
        if self._left:
            count = min(self._left, there)
            self._left -= count
            return count
        seam = (self._tail + data[start : start + len(_END) - 1]).find(_END)
        if seam >= 0:
            count = seam + len(_END) - len(self._tail)
        else:
            found = data.find(_END, start)
            count = there if found < 0 else found + len(_END) - start
        end = start + count
        tail = data[max(start, end - len(_END) + 1) : end]
        self._tail = (self._tail + tail)[1 - len(_END) :]
        return count


class Held:
    """Bytes of requests that are not parsed yet.

    They are charged to the memory budget, together with the kernel's buffer once reading pauses.
    """

    def __init__(self, budget: Budget, cut: Callable[[], None]) -> None:
        self._budget = budget
        self._cut = cut
        self._data = bytearray()
        self._charge: Charge | None = None

    def __len__(self) -> int:
        return len(self._data)

    def add(self, tenant: str | None, data: bytes) -> bool:
        """Hold `data`, and return whether to pause reading from the connection.

        Raises:
            OverloadedError: the memory budget has no room for it.
        """
        if self._charge is None:
            self._charge = self._budget.charge(tenant, cut=self._cut)
        size = len(self._data) + len(data)
        full = size > HELD_BYTES
        self._charge.resize(size + full * 2 * RECEIVE_BYTES)
        self._data += data
        return full

    def take(self) -> bytes:
        """Return all held bytes and forget them."""
        data = bytes(self._data)
        self.forget()
        return data

    def forget(self) -> None:
        """Drop all held bytes and release their charge."""
        self._data = bytearray()
        if self._charge is not None:
            self._charge.release()
            self._charge = None
