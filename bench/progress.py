"""What is being measured now, on standard error."""

from __future__ import annotations

import sys
import time

_BEGAN = time.monotonic()


class BenchError(Exception):
    """It cannot be measured; the message says why and what to do."""


def say(text: str) -> None:
    """One line, with the minutes and seconds since the start."""
    minutes, seconds = divmod(int(time.monotonic() - _BEGAN), 60)
    sys.stderr.write(f"[{minutes:2}:{seconds:02}] {text}\n")
    sys.stderr.flush()
