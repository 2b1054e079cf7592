"""Throttling of pool starts while programs run, and back-off after failures."""

from __future__ import annotations

from cloche_operator.pools.throttle import Backoff, Need, Pace


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_quiet_node_starts_pods_up_to_its_limit() -> None:
    pace = Pace(4, Clock())
    assert [pace.allows(starting, Need.LITTLE) for starting in range(6)] == [True] * 4 + [False] * 2


def test_one_pool_pod_per_second_starts_while_a_program_runs() -> None:
    clock = Clock()
    pace = Pace(4, clock)
    with pace.working():
        clock.now += 1.0
        assert pace.allows(0, Need.LITTLE)
        pace.started()
        assert not pace.allows(0, Need.LITTLE)
        clock.now += 1.0
        assert pace.allows(0, Need.LITTLE)
        assert not pace.allows(1, Need.LITTLE)


def test_an_emptier_pool_may_start_more_pods_while_programs_run() -> None:
    clock = Clock()
    pace = Pace(4, clock)
    with pace.working():
        clock.now += 0.25
        most = {need: sum(pace.allows(starting, need) for starting in range(6)) for need in Need}
    assert most == {Need.LITTLE: 0, Need.LOW: 1, Need.SHORT: 2, Need.URGENT: 4}


def test_a_pod_is_replaced_after_its_program_and_not_meanwhile() -> None:
    """However long ago the last start was: the client waits for the program."""
    clock = Clock()
    pace = Pace(4, clock)
    for _ in range(3):
        clock.now += 60.0
        with pace.working():
            assert not pace.allows(0, Need.LITTLE)
            assert not pace.allows(0, Need.LOW)
            assert pace.allows(0, Need.SHORT), "the next programs would start cold"
            clock.now += 0.02
        assert not pace.allows(0, Need.LITTLE)
        clock.now += 0.2
        assert pace.allows(0, Need.LITTLE)
        pace.started()


def test_programs_without_a_pause_do_not_put_off_a_start() -> None:
    clock = Clock()
    pace = Pace(4, clock)
    for _ in range(10):
        with pace.working():
            clock.now += 0.1
        clock.now += 0.01
    assert pace.allows(0, Need.LITTLE)


def test_a_short_gap_between_programs_does_not_count_as_a_pause() -> None:
    clock = Clock()
    pace = Pace(4, clock)
    pace.started()
    for _ in range(3):
        with pace.working():
            clock.now += 0.01
        clock.now += 0.05
        assert not pace.allows(0, Need.LITTLE)
    clock.now += 0.11
    assert pace.allows(0, Need.LITTLE)
    assert not pace.allows(1, Need.LITTLE), "one after the other"
    clock.now += 5.0
    assert pace.allows(3, Need.LITTLE)


def test_the_back_off_grows_with_failures_and_a_success_resets_it() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    assert backoff.seconds == 0
    pauses = []
    for _ in range(7):
        backoff.failed()
        pauses.append(backoff.seconds)
        clock.now += backoff.seconds
        assert backoff.seconds == 0
    assert pauses == [2, 4, 8, 16, 32, 60, 60]
    backoff.failed()
    backoff.succeeded()
    assert backoff.seconds == 0


def test_failures_within_one_back_off_count_once() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    for _ in range(4):
        backoff.failed()
    assert (backoff.failures, backoff.seconds) == (1, 2)
    clock.now += 2
    backoff.failed()
    assert (backoff.failures, backoff.seconds) == (2, 4)


def test_the_back_off_stays_at_its_longest_after_thousands_of_failures() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    for _ in range(2000):  # a runtime whose image is missing for a day
        backoff.failed()
        clock.now += backoff.seconds
    backoff.failed()
    assert backoff.seconds == 60
