"""How many requests of each API key are being answered, and that they are not too many.

A request that waits for an end, or listens, costs a connection, a task and a place among those who
are told of ends. One key must not take all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_gateway.errors import TooManyAtOnceError

if TYPE_CHECKING:
    from cloche_gateway.keys import Caller


class InFlight:
    """Requests that are being answered, by key."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def of(self, key: str) -> int:
        """How many requests of the key of that name are being answered."""
        return self._of.get(key, 0)

    def begin(self, caller: Caller) -> None:
        """Count one more of the caller's key; `end` must follow.

        Raises:
            TooManyAtOnceError: there are as many as there may be, and this one is not counted.
        """
        if self.of(caller.key) >= caller.requests:
            raise TooManyAtOnceError(caller.requests)
        self._of[caller.key] = self.of(caller.key) + 1

    def end(self, key: str) -> None:
        """Count one less."""
        if left := self._of[key] - 1:
            self._of[key] = left
        else:
            del self._of[key]
