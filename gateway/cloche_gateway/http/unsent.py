"""Unsent response data of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_gateway.errors import OverloadedError

if TYPE_CHECKING:
    import asyncio

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.limits.budget import Budget

TAKEN_BYTES = 16 * 1024
"""What a client must read within `send_timeout_seconds`, unless less is left."""
TAKEN_SHARE = 8
"""If an eighth of what is left is more, the client must read that: the more is kept for it, the
faster it must read. For the largest response, 1.4 MiB, this is 6 KB/s at first."""
UNCHARGED_BYTES = 32 * 1024
"""The transport pauses writing above this size, and unsent data above it is charged to the memory
budget. Up to this size for each of 2000 connections is part of the process's own memory
(`budget`)."""
SEND_BYTES = 32 * 1024
"""Size of a connection's send buffer in the kernel. The kernel doubles it for its own use, and it
counts as the container's memory. Data that does not fit stays in the process, where it is charged
to the memory budget."""


class Backlog:
    """Aborts a connection whose client does not read its response.

    A transport buffers data that it cannot send, and even a closed one stays until all is sent. So
    without a time limit a client could hold the memory for as long as it likes.

    Buffered data is charged to the memory budget, which may abort the connection too, to make room.
    `seconds` is the time limit.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.WriteTransport,
        seconds: float,
        budget: Budget,
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._seconds = seconds
        self._budget = budget
        self._timer: asyncio.TimerHandle | None = None
        self._charge: Charge | None = None
        self._left = 0
        transport.set_write_buffer_limits(high=UNCHARGED_BYTES)

    def begin(self, tenant: str | None) -> None:
        """Start the time limit for the data that is buffered now, and charge the data to `tenant`.

        Abort the connection if the memory budget has no room.
        """
        self.forget()
        self._left = self._transport.get_write_buffer_size()
        if not self._left:
            return
        self._timer = self._loop.call_later(self._seconds, self._over, tenant)
        if self._left <= UNCHARGED_BYTES:
            return
        try:
            size = self._left + 2 * SEND_BYTES
            self._charge = self._budget.charge(tenant, size, cut=self._transport.abort)
        except OverloadedError:
            self._transport.abort()

    def forget(self) -> None:
        """Stop the time limit and release the charge."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._charge is not None:
            self._charge.release()
            self._charge = None

    def _over(self, tenant: str | None) -> None:
        taken = self._left - self._transport.get_write_buffer_size()
        if taken < min(max(TAKEN_BYTES, self._left // TAKEN_SHARE), self._left):
            self._transport.abort()
        else:
            self.begin(tenant)
