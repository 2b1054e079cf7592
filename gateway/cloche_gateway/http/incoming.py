"""Hold pipelined requests: one request at a time is parsed, and the bytes after it are held.

HTTP/1.1 lets a client send requests before it has the responses to earlier ones. A parsed request
takes a hundred times its bytes in memory. So the parser gets no byte beyond the end of a request
until the client has read the response to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.limits.budget import Budget

_END = b"\r\n\r\n"
HELD_BYTES = 16 * 1024
"""Bytes of later requests that are held while the connection is still read, which detects a
disconnect. Beyond that, reading pauses until the client has taken the response."""
RECEIVE_BYTES = 64 * 1024
"""Size of a connection's receive buffer in the kernel, which doubles it for its own use. With a
round trip of 200 ms, a body of 4 MiB still arrives within its 30 s, and the data that is not read
stays small."""


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
