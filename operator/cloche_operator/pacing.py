"""How fast the pools are filled: not at the cost of programs that run, yet as fast as needed.

To start a Pod takes more than half a second of processor time. Started beside a program it doubles
the program's time, and several at once are worse; so the pools wait for a pause, and the fewer Pods
one has left, the less it waits.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_QUIET_SECONDS = 0.15
"""A pause counts after so long: a client that sends one request after the other is sooner back."""
_IDLE_SECONDS = 5.0
"""After so long nobody is there to be disturbed; before that a pool that is not low gets one Pod
after the other."""
_BUSY_SECONDS = 1.0
"""While programs run without a pause, a pool that is not low gets a Pod this often."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 2.0, 60.0


class Need(IntEnum):
    """How badly a pool needs a Pod."""

    LITTLE = 0
    """It has half of its Pods or more: in pauses, or now and then."""
    LOW = 1
    """It has less: one after the other, whatever runs."""
    SHORT = 2
    """It has less than a quarter: some at once."""
    URGENT = 3
    """It has none, or somebody waits for one: as many at once as may be."""


class Pace:
    """What runs, and how many Pods the pools may start beside it."""

    def __init__(self, concurrency: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._concurrency = concurrency
        self._clock = clock
        self._running = 0
        self._ended = -_IDLE_SECONDS
        self._started = -_BUSY_SECONDS

    @contextmanager
    def working(self) -> Iterator[None]:
        """A program runs within this block."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._ended = self._clock()

    @property
    def quiet(self) -> bool:
        """Whether no program runs, and none has followed the last one at once."""
        return not self._running and self._clock() - self._ended >= _QUIET_SECONDS

    def allows(self, starting: int, need: Need) -> bool:
        """Whether a pool with that need may start one more Pod while so many start."""
        idle = not self._running and self._clock() - self._ended >= _IDLE_SECONDS
        if idle or need is Need.URGENT:
            return starting < self._concurrency
        if need is Need.SHORT:
            return starting < (self._concurrency + 1) // 2
        late = self._clock() - self._started >= _BUSY_SECONDS
        return not starting and (need is Need.LOW or self.quiet or late)

    def started(self) -> None:
        """A pool has started a Pod."""
        self._started = self._clock()


class Backoff:
    """When to try again what failed: at once, then later and later."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.failures = 0
        """How often it failed since it last worked."""
        self._not_before = 0.0

    def succeeded(self) -> None:
        """It works."""
        self.failures = 0
        self._not_before = 0.0

    def failed(self) -> None:
        """It failed once more. What was tried beside it and fails within its pause is the same."""
        if self.seconds:
            return
        pause = min(_FIRST_PAUSE_SECONDS * 2**self.failures, _LONGEST_PAUSE_SECONDS)
        self.failures += 1
        self._not_before = self._clock() + pause

    @property
    def seconds(self) -> float:
        """Seconds until the next try; 0 when it may be now."""
        return max(0.0, self._not_before - self._clock())
