"""Reads of executions that many ask for at once: they share one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_KEPT = 8
"""Of what was read, at most so many: each takes up to 5.5 MiB. What is beyond is read anew."""
_SECONDS = 0.2
"""How old an answer may be: a person does not see it, and a program that polls more often than five
times a second does not learn more."""

Obj = dict[str, Any] | None


class Reads:
    """Reads by name, each kept for a moment. What is not there, and what failed, is not kept."""

    def __init__(self, read: Callable[[str], Awaitable[Obj]]) -> None:
        self._read = read
        self._kept: dict[str, asyncio.Future[Obj]] = {}
        self._drops: dict[str, asyncio.TimerHandle] = {}
        """When each that was read is dropped, in the order in which they were."""

    def __len__(self) -> int:
        return len(self._kept)

    async def read(self, name: str) -> Obj:
        """The execution as it was a moment ago at most, or None when there is none of that name.

        Raises:
            KubeError: when the API server does not tell.
        """
        reading = self._kept.get(name)
        if reading is None:
            reading = self._kept[name] = asyncio.ensure_future(self._read(name))
            reading.add_done_callback(lambda done: self._keep(name, done))
        return await asyncio.shield(reading)

    def forget(self, name: str) -> None:
        """Read anew the next time: it was changed just now."""
        self._kept.pop(name, None)
        if drop := self._drops.pop(name, None):
            drop.cancel()  # it holds what was read

    def _keep(self, name: str, done: asyncio.Future[Obj]) -> None:
        """Keep what was read for a moment."""
        if self._kept.get(name) is not done:
            return  # it was forgotten meanwhile
        if done.cancelled() or done.exception() is not None or done.result() is None:
            del self._kept[name]
            return
        self._drops[name] = asyncio.get_running_loop().call_later(_SECONDS, self.forget, name)
        if len(self._drops) > _KEPT:
            self.forget(next(iter(self._drops)))
