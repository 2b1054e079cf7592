"""Report progress on standard error."""

from __future__ import annotations

import sys
import time

_BEGAN = time.monotonic()


class BenchError(Exception):
    """A measurement is impossible; the message gives the reason and what to do."""


def say(text: str) -> None:
    """Print a line with the minutes and seconds since the start."""
    minutes, seconds = divmod(int(time.monotonic() - _BEGAN), 60)
    sys.stderr.write(f"[{minutes:2}:{seconds:02}] {text}\n")
    sys.stderr.flush()
