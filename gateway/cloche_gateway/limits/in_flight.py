"""Limit on the in-flight requests of each API key.

A request that waits for an execution's end, or streams its events, takes a connection, a task and a
waiter. One key must not take all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_gateway.errors import TooManyAtOnceError

if TYPE_CHECKING:
    from cloche_gateway.cluster.keys import Caller


class InFlight:
    """The number of in-flight requests of each key."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def of(self, key: str) -> int:
        """Return the number of in-flight requests of the key with this name."""
        return self._of.get(key, 0)

    def begin(self, caller: Caller) -> None:
        """Count one more request of the caller's key. Call `end` when it is answered.

        Raises:
            TooManyAtOnceError: the limit is reached. The request is not counted.
        """
        if self.of(caller.key) >= caller.requests:
            raise TooManyAtOnceError(caller.requests)
        self._of[caller.key] = self.of(caller.key) + 1

    def end(self, key: str) -> None:
        """Count one request less."""
        if left := self._of[key] - 1:
            self._of[key] = left
        else:
            del self._of[key]
