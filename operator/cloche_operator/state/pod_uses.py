"""Which executions may have a program in which Pod, so that no log is deleted that one needs."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 60.0
"""The longest that the deletion of a Pod waits for other executions. To decide whether a program
was started in a Pod takes a few milliseconds if this operator has seen the execution first, and
else as long as its log is read."""


class PodUses:
    """The Pods that unfinished executions have claimed or name, by the Pods' names.

    Several executions can name one Pod, of which it gets one. After a crash the new leader finds in
    the Pod's log which one that was.
    """

    def __init__(self) -> None:
        self._pods: dict[str, str] = {}
        self._users: defaultdict[str, set[str]] = defaultdict(set)
        self._changes: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def begin(self, pod: str, execution: str) -> None:
        """Record that the execution with this uid may have a program in the Pod of this name."""
        self.end(execution)
        self._pods[execution] = pod
        self._users[pod].add(execution)

    def end(self, execution: str) -> None:
        """Record that the execution needs no Pod's log. It may be unknown."""
        pod = self._pods.pop(execution, None)
        if pod is None:
            return
        self._users[pod].discard(execution)
        if not self._users[pod]:
            del self._users[pod]
        for event in self._changes.get(pod, ()):
            event.set()

    def __iter__(self) -> Iterator[str]:
        """Iterate over the uids of the executions."""
        return iter(list(self._pods))

    async def ended(self, pod: str) -> None:
        """Wait until no execution needs the Pod's log, for at most a minute."""
        if pod not in self._users:
            return
        event = asyncio.Event()
        self._changes[pod].add(event)
        try:
            async with asyncio.timeout(_SECONDS):
                while pod in self._users:
                    event.clear()
                    await event.wait()
        except TimeoutError:
            pass
        finally:
            self._changes[pod].discard(event)
            if not self._changes[pod]:
                del self._changes[pod]
