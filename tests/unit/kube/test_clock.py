"""The API server's clock, read from its responses."""

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


def test_the_clock_advances_from_the_last_response(passed: list[float]) -> None:
    clock = ServerClock()
    clock.seen(NOON)
    passed[0] += 90.5
    assert clock.now() == AT_NOON + timedelta(seconds=90.5)


def test_a_date_with_whole_seconds_does_not_set_the_clock_back(passed: list[float]) -> None:
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
def test_the_clock_follows_an_api_server_whose_clock_is_changed(
    passed: list[float], date: str, at: datetime
) -> None:
    clock = ServerClock()
    clock.seen(NOON)
    passed[0] += 5
    clock.seen(date)
    assert clock.now() == at


@pytest.mark.parametrize("date", [None, "", "noon", "Fri, 99 Jan 2026 12:00:00 GMT"])
def test_an_invalid_date_does_not_change_the_clock(passed: list[float], date: str | None) -> None:
    clock = ServerClock()
    clock.seen(NOON)
    clock.seen(date)
    assert clock.now() == AT_NOON
    assert passed == [1000.0]
