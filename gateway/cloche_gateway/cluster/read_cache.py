"""Coalesce concurrent reads of the same execution."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_KEPT = 8
"""The most executions that are cached, because each takes up to 5.5 MiB. The oldest is dropped
first."""
_SECONDS = 0.2
"""How long a result is reused. A person does not notice the delay, and a program that polls more
than five times a second sees no update sooner."""

Obj = dict[str, Any] | None


class Reads:
    """A cache of reads by name. A result is kept for 0.2 s.

    Failed reads, and reads of executions that do not exist, are not kept.
    """

    def __init__(self, read: Callable[[str], Awaitable[Obj]]) -> None:
        self._read = read
        self._kept: dict[str, asyncio.Future[Obj]] = {}
        self._drops: dict[str, asyncio.TimerHandle] = {}
        """The timers that drop the results, in the order in which they were read."""

    def __len__(self) -> int:
        return len(self._kept)

    async def read(self, name: str) -> Obj:
        """Return the execution, at most 0.2 s old, or None if it does not exist.

        Raises:
            KubeError: the read failed.
        """
        reading = self._kept.get(name)
        if reading is None:
            reading = self._kept[name] = asyncio.ensure_future(self._read(name))
            reading.add_done_callback(lambda done: self._keep(name, done))
        return await asyncio.shield(reading)

    def forget(self, name: str) -> None:
        """Drop the cached result, because the execution has changed."""
        self._kept.pop(name, None)
        if drop := self._drops.pop(name, None):
            drop.cancel()  # The timer holds a reference to the result.

    def _keep(self, name: str, done: asyncio.Future[Obj]) -> None:
        """Start the timer that drops a result."""
        if self._kept.get(name) is not done:
            return  # It was forgotten in the meantime.
        if done.cancelled() or done.exception() is not None or done.result() is None:
            del self._kept[name]
            return
        self._drops[name] = asyncio.get_running_loop().call_later(_SECONDS, self.forget, name)
        if len(self._drops) > _KEPT:
            self.forget(next(iter(self._drops)))
