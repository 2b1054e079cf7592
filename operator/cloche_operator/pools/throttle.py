"""How fast the pools start Pods: without slowing running programs, but in time.

The start of a Pod takes more than half a second of CPU time. It doubles the time of a program that
runs meanwhile, and several starts at once are worse. So the pools wait for a pause. The fewer Pods
a pool has left, the less it waits.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_QUIET_SECONDS = 0.15
"""Seconds without a program that make a pause. A client that sends one request after the other
returns sooner."""
_IDLE_SECONDS = 5.0
"""Seconds without a program after which starts disturb no client. Before that, a pool that is not
low gets one Pod at a time."""
_BUSY_SECONDS = 1.0
"""Seconds between the starts for a pool that is not low, while programs run without a pause."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 2.0, 60.0


class Need(IntEnum):
    """How urgently a pool needs a Pod."""

    LITTLE = 0
    """It has half of its Pods or more: it gets a Pod in pauses, or every `_BUSY_SECONDS`."""
    LOW = 1
    """It has less than half: it gets one at a time, even while programs run."""
    SHORT = 2
    """It has less than a quarter: it gets several at once."""
    URGENT = 3
    """It has none, or executions wait for one: it gets as many at once as allowed."""


class Pace:
    """Counts running programs, and decides how many Pods the pools may start meanwhile."""

    def __init__(self, concurrency: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._concurrency = concurrency
        self._clock = clock
        self._running = 0
        self._ended = -_IDLE_SECONDS
        self._started = -_BUSY_SECONDS

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count a program as running within this block."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._ended = self._clock()

    @property
    def quiet(self) -> bool:
        """Whether no program runs, and the last one ended `_QUIET_SECONDS` ago or earlier."""
        return not self._running and self._clock() - self._ended >= _QUIET_SECONDS

    def allows(self, starting: int, need: Need) -> bool:
        """Return whether a pool with this need may start a Pod while `starting` others start."""
        idle = not self._running and self._clock() - self._ended >= _IDLE_SECONDS
        if idle or need is Need.URGENT:
            return starting < self._concurrency
        if need is Need.SHORT:
            return starting < (self._concurrency + 1) // 2
        late = self._clock() - self._started >= _BUSY_SECONDS
        return not starting and (need is Need.LOW or self.quiet or late)

    def started(self) -> None:
        """Record that a pool has started a Pod."""
        self._started = self._clock()


class Backoff:
    """An exponential back-off: retries after 2 s, then after twice as long, up to 60 s."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.failures = 0
        """Failures since the last success."""
        self._not_before = 0.0

    def succeeded(self) -> None:
        """Record a success."""
        self.failures = 0
        self._not_before = 0.0

    def failed(self) -> None:
        """Record a failure. Failures within the pause count as the one that began it."""
        if self.seconds:
            return
        pause = min(_FIRST_PAUSE_SECONDS * 2**self.failures, _LONGEST_PAUSE_SECONDS)
        self.failures += 1
        self._not_before = self._clock() + pause

    @property
    def seconds(self) -> float:
        """Seconds until the next retry; 0 if it may be now."""
        return max(0.0, self._not_before - self._clock())
