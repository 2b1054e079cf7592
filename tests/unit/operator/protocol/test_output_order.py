"""The recorded order of standard output and standard error."""

from __future__ import annotations

import pytest

from cloche_api import limits
from cloche_operator.protocol.events import Transcript
from cloche_operator.protocol.output_order import OutputOrder

STARTED = {"event": "started", "execution": "uid", "stage": "run", "time": 1.0}


def recorded(*pieces: tuple[str, str]) -> list[int] | None:
    transcript = Transcript("uid")
    events = [{"event": stream, "data": text} for stream, text in pieces]
    transcript.take_all([STARTED, *events])
    return None if transcript.order is None else transcript.order.recorded()


@pytest.mark.parametrize(
    ("pieces", "order"),
    [
        ([], None),
        ([("stdout", "a")], None),
        ([("stderr", "a")], None),
        ([("stdout", "a"), ("stderr", "b")], None),
        ([("stderr", "b"), ("stdout", "a")], [0, 1, 1]),
        ([("stdout", "a"), ("stdout", "bc"), ("stderr", "🪴"), ("stdout", "d")], [3, 1, 1]),
        ([("stdout", "a"), ("stderr", ""), ("stdout", "b")], None),
    ],
)
def test_the_order_is_recorded_unless_standard_output_came_first(
    pieces: list[tuple[str, str]], order: list[int] | None
) -> None:
    assert recorded(*pieces) == order


def test_the_number_of_pieces_is_bounded() -> None:
    order = OutputOrder()
    for number in range(3 * limits.OUTPUT_ORDER_ENTRIES):
        order.add(to_stderr=number % 2 == 1, characters=1)
    assert order.recorded() == [1] * limits.OUTPUT_ORDER_ENTRIES
