"""Times in Kubernetes resources."""

from __future__ import annotations

from datetime import datetime


def seconds_between(earlier: str | None, later: str | None) -> float | None:
    """Return the seconds from one RFC 3339 time to another, at least 0.

    Return None if one of them is None or empty.
    """
    if not earlier or not later:
        return None
    passed = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    return max(0.0, round(passed.total_seconds(), 6))
