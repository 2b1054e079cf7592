"""Print progress on the terminal: one line for each step, with the elapsed time."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from typing import TextIO


@dataclass(frozen=True)
class Console:
    """Prints progress. `started` is the monotonic time from which elapsed seconds are counted."""

    started: float = field(default_factory=time.monotonic)
    stream: TextIO = field(default_factory=lambda: sys.stdout)

    def step(self, text: str) -> None:
        """Print `text` as one step: `[ 12.3s] text`."""
        self.plain(f"[{time.monotonic() - self.started:6.1f}s] {text}")

    def plain(self, text: str) -> None:
        """Print `text` unchanged. If the reader has closed the pipe, the work continues."""
        try:
            self.stream.write(f"{text}\n")  # one write: other threads print too
            self.stream.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)


_PROGRESS_SECONDS = 15.0
"""Minimum seconds between two progress lines."""


@dataclass
class Progress:
    """Reports the progress of a long step: `compiled 1,240 of at most 3,638 packages`."""

    verb: str
    total: int
    console: Console
    _done: int = 0
    _reported: float = field(default_factory=time.monotonic)

    def one_more(self, name: str) -> None:
        """Count one more package; `name` is not printed."""
        del name
        self._done += 1
        now = time.monotonic()
        if now - self._reported >= _PROGRESS_SECONDS:
            self._reported = now
            self.console.step(f"{self.verb} {self._done:,} of at most {self.total:,} packages")
