"""What a connection has to send and its client does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_gateway.errors import OverloadedError

if TYPE_CHECKING:
    import asyncio

    from cloche_api.budget import Charge
    from cloche_gateway.budget import Budget

TAKEN_BYTES = 16 * 1024
"""What a client must take in the time that it has, or all of the rest."""
TAKEN_SHARE = 8
"""Or this part of what is left, where that is more: the more is kept for it, the faster it must
read. 1.4 MiB, the largest answer, is 6 KB/s at first."""
UNCHARGED_BYTES = 32 * 1024
"""From which on a connection is told to stop writing, and what is left is charged. Less of it for
each of 2000 connections is within what the process has for itself."""
SEND_BYTES = 32 * 1024
"""Of a connection's send buffer in the kernel, which doubles it for its own use and keeps it in
the container's memory: what does not fit stays here, where it is charged."""


class Backlog:
    """Ends a connection whose client does not take what is there for it.

    A transport keeps what it cannot send, and even one that is closed stays until all is sent:
    without this, for as long as the client likes. What is kept is charged to the budget, which
    may end the connection too.
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
        """Give the client its time, from now on, for what is there. `tenant` asked for it."""
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
        """The client has taken enough, or is gone."""
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
