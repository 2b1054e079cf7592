"""The table of round trips."""

from __future__ import annotations

from round_trips import Line


def test_a_row_has_its_ratios_to_the_plain_start_and_to_bash() -> None:
    line = Line("hello, ruby", [40.0, 50.0, 60.0], [100.0, 100.0], [50.0])
    assert line.markdown(10.0) == (
        "| hello, ruby | 3 | 50.0 | 58.0 | 59.8 | 5.0 | 100.0 | 0.50 | 1.00 |"
    )


def test_an_installation_without_waiting_processes_has_only_the_round_trip() -> None:
    assert Line("a cell `x + 1`", [20.0]).markdown(8.0) == (
        "| a cell `x + 1` | 1 | 20.0 | 20.0 | 20.0 | 2.5 | - | - | - |"
    )
