"""What a connection has sent before its turn: one request at a time is parsed, the rest is kept.

HTTP/1.1 lets a client send requests before the answers to those before them. Each that is parsed
costs a hundred times its bytes, so the parser is given no byte beyond the end of a request before
that request's answer is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_api.budget import Charge
    from cloche_gateway.budget import Budget

_END = b"\r\n\r\n"
HELD_BYTES = 16 * 1024
"""Kept of later requests while the connection is still read, so that a client that goes away is
noticed. Beyond that it is not read until the answer before is taken."""
RECEIVE_BYTES = 64 * 1024
"""Of a connection's receive buffer in the kernel, which doubles it for its own use: bodies of 4 MiB
arrive within their 30 s over 200 ms of delay, and what is not read stays small."""


class Frame:
    """How many bytes may still belong to the request that is being parsed.

    The parser is strict: a head ends with an empty line, and so does a chunked body. Bytes up to
    the next empty line are never more than one request's.
    """

    def __init__(self) -> None:
        self._left = 0
        self._tail = b""

    def expect_body(self, length: int) -> None:
        """Say that a body of so many bytes comes next."""
        self._left = length
        self._tail = b""

    def length(self, data: bytes, start: int) -> int:
        """How many bytes of `data` from `start` on, at least 1, to hand to the parser at once."""
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
    """Bytes of requests whose turn has not come, charged to the budget with the kernel's share."""

    def __init__(self, budget: Budget, cut: Callable[[], None]) -> None:
        self._budget = budget
        self._cut = cut
        self._data = bytearray()
        self._charge: Charge | None = None

    def __len__(self) -> int:
        return len(self._data)

    def add(self, tenant: str | None, data: bytes) -> bool:
        """Keep it, and return whether the connection should not be read for now.

        Raises:
            OverloadedError: there is no room for it.
        """
        if self._charge is None:
            self._charge = self._budget.charge(tenant, cut=self._cut)
        size = len(self._data) + len(data)
        full = size > HELD_BYTES
        self._charge.resize(size + full * 2 * RECEIVE_BYTES)
        self._data += data
        return full

    def take(self) -> bytes:
        """All that is kept, which is then no longer kept."""
        data = bytes(self._data)
        self.forget()
        return data

    def forget(self) -> None:
        """Keep nothing."""
        self._data = bytearray()
        if self._charge is not None:
            self._charge.release()
            self._charge = None
