"""The API server's clock, as its answers tell it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from cloche_kube.clock import ServerClock

NOON = "Fri, 02 Jan 2026 12:00:00 GMT"
AT_NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds on the monotonic clock, which a test sets."""
    seconds = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    return seconds


def test_it_goes_on_from_the_last_answer(passed: list[float]) -> None:
    clock = ServerClock()
    clock.seen(NOON)
    passed[0] += 90.5
    assert clock.now() == AT_NOON + timedelta(seconds=90.5)


def test_whole_seconds_do_not_set_it_back(passed: list[float]) -> None:
    clock = ServerClock()
    clock.seen(NOON)
    passed[0] += 2.9
    clock.seen("Fri, 02 Jan 2026 12:00:02 GMT")
    assert clock.now() == AT_NOON + timedelta(seconds=2.9)


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Fri, 02 Jan 2026 11:00:00 GMT", AT_NOON - timedelta(hours=1)),
        ("Fri, 02 Jan 2026 13:00:00 GMT", AT_NOON + timedelta(hours=1)),
    ],
)
def test_it_follows_a_clock_that_is_set(passed: list[float], date: str, at: datetime) -> None:
    clock = ServerClock()
    clock.seen(NOON)
    passed[0] += 5
    clock.seen(date)
    assert clock.now() == at


@pytest.mark.parametrize("date", [None, "", "noon", "Fri, 99 Jan 2026 12:00:00 GMT"])
def test_what_is_no_date_changes_nothing(passed: list[float], date: str | None) -> None:
    clock = ServerClock()
    clock.seen(NOON)
    clock.seen(date)
    assert clock.now() == AT_NOON
    assert passed == [1000.0]
