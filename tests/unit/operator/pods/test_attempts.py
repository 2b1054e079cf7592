"""When the operator attaches to a starting Pod."""

from __future__ import annotations

from cloche_operator.pods.start import Attempts


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def attempts(clock: Clock, *, starting: int = 1, deadline: float = 1000.0) -> Attempts:
    return Attempts((1.0, 0.5), lambda: starting, clock, deadline)


def test_a_sign_that_the_container_runs_makes_an_attempt_due_at_once() -> None:
    clock = Clock()
    assert attempts(clock).due(told=True) == clock.now


def test_attempts_without_a_sign_begin_late_and_go_on() -> None:
    clock = Clock()
    made = attempts(clock)
    assert made.due(told=False) == 101.0
    due = []
    for _ in range(5):
        clock.now = made.due(told=False)
        due.append(clock.now)
        made.failed(took=0.01)
    assert due == [101.0, 101.5, 102.5, 104.5, 106.5]


def test_attempts_without_a_sign_are_rarer_the_more_pods_start() -> None:
    clock = Clock()
    made = attempts(clock, starting=8)
    assert made.due(told=False) == 108.0
    made.failed(took=0.01)
    assert made.due(told=False) == 104.0


def test_signs_without_end_cause_an_attempt_in_a_fifth_of_the_time_at_most() -> None:
    clock = Clock()
    made = attempts(clock)
    tried = 0.0
    while clock.now < 200.0:
        clock.now = made.due(told=True) + 0.1  # the duration of an attempt
        tried += 0.1
        made.failed(took=0.1)
    assert tried <= 20.2


def test_signs_without_end_for_many_pods_cause_40_attempts_a_second_at_most() -> None:
    clock = Clock()
    of_pods = [attempts(clock, starting=10) for _ in range(10)]
    tried = 0
    for _ in range(10_000):
        clock.now += 0.001
        for made in of_pods:
            if made.due(told=True) <= clock.now:
                tried += 1
                made.failed(took=0.0)
    assert tried <= 400 + len(of_pods)


def test_the_last_attempt_is_not_later_than_the_deadline() -> None:
    clock = Clock()
    made = attempts(clock, starting=100, deadline=130.0)
    assert made.due(told=False) == 130.0
    clock.now = 120.0
    made.failed(took=0.01)
    assert made.due(told=False) == 130.0
    clock.now = 130.0
    made.failed(took=0.01)
    assert made.due(told=False) > 130.0
