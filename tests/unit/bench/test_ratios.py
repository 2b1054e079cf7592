"""The statistics of a comparison of two revisions: pairs, intervals, verdicts, and the order."""

from __future__ import annotations

import math
import random

import pytest
from figures.run import Figures
from figures.stats import MOST, mean_interval
from revisions.ratios import BASE, HERE, ROWS, Round, as_json, control, order_of, ratios, table


def turn(
    scale: float = 1.0,
    *,
    machine: float = 1.0,
    values: int = 21,
    rng: random.Random | None = None,
) -> Figures:
    """One turn's figures: latencies around 50 ms, and rates of 2 and 30 a second.

    `scale` is how slow the revision is, and `machine` how slow the machine is for all.
    """
    figures = Figures(0)
    for key in ("warm", "refill", "cold"):
        noise = (rng.gauss(0, 0.2) if rng else number / 100 for number in range(values))
        figures[key].values += [50 * scale * machine * math.exp(each) for each in noise]
    for key, rate in (("single", 2.0), ("reuse", 30.0)):
        figures[key].values.append(1.0)
        figures[key].count, figures[key].seconds = 60, 60 / rate * scale * machine
    for row in ROWS:
        figures[control(row.key)].values += [7 * machine, 8 * machine, 9 * machine]
    return figures


def by_key(rounds: list[Round]) -> dict[str, tuple[float, float, float]]:
    return {one.row.key: (one.ratio, one.low, one.high) for one in ratios(rounds)}


def test_the_order_of_two_rounds_is_abba_so_that_a_drift_favours_neither() -> None:
    turns = [side for number in range(1, 5) for side in order_of(number)]
    assert turns == [BASE, HERE, HERE, BASE, BASE, HERE, HERE, BASE]
    places = {side: sum(n for n, each in enumerate(turns) if each == side) for side in turns}
    assert places[BASE] == places[HERE]


def test_a_ratio_is_this_checkouts_statistic_over_the_bases() -> None:
    rounds = [Round(base=turn(1.0), here=turn(1.2)) for _ in range(4)]
    found = by_key(rounds)
    assert found["warm"][0] == pytest.approx(1.2)
    assert found["single"][0] == pytest.approx(1 / 1.2)


def test_a_drift_that_both_turns_of_a_round_share_does_not_widen_the_interval() -> None:
    rounds = [Round(turn(drift), turn(1.1 * drift)) for drift in (1.0, 1.5, 0.7, 2.0)]
    ratio, low, high = by_key(rounds)["refill"]
    assert ratio == pytest.approx(1.1)
    assert high - low < 1e-9


def test_a_machine_that_is_slower_in_one_turn_is_no_difference_between_revisions() -> None:
    slower = ((1.0, 1.5), (1.3, 0.8), (1.0, 1.0))
    rounds = [Round(turn(machine=base), turn(machine=here)) for base, here in slower]
    for row in (row for row in ROWS if row.adjusted):
        ratio, low, high = by_key(rounds)[row.key]
        assert (ratio, low, high) == pytest.approx((1, 1, 1)), row.key
    assert by_key(rounds)[control("warm")][0] == pytest.approx((1.5 * 0.8 / 1.3) ** (1 / 3))


def test_a_difference_between_rounds_widens_the_interval() -> None:
    rounds = [Round(turn(), turn(scale)) for scale in (0.9, 1.1, 1.0, 1.0)]
    ratio, low, high = by_key(rounds)["warm"]
    assert low < 0.9
    assert high > 1.1
    assert low < ratio < high


def test_an_interval_holds_the_true_mean_in_about_95_of_100_samples() -> None:
    rng = random.Random(7)  # noqa: S311  the same in every run
    samples = [[rng.gauss(3, 1) for _ in range(6)] for _ in range(2000)]
    held = sum(low <= 3 <= high for low, high in map(mean_interval, samples))
    assert 0.935 <= held / len(samples) <= 0.965


def test_the_interval_of_the_largest_sample_is_that_of_students_t() -> None:
    values = [float(number % 2) for number in range(MOST)]
    low, high = mean_interval(values)
    spread = math.sqrt(sum((each - 15 / 31) ** 2 for each in values) / 30)
    assert high - low == pytest.approx(2 * 2.042 * spread / math.sqrt(31))


@pytest.mark.parametrize(
    ("scales", "worse"),
    [
        ((1.0, 1.0, 1.0, 1.0), False),
        ((0.7, 0.72, 0.71, 0.7), False),
        ((1.02, 1.021, 1.022, 1.02), True),  # little, and beyond doubt
        ((0.8, 1.3, 1.2, 1.05), True),  # in doubt, and more than 5 %
        ((0.9, 1.1, 1.04, 1.0), False),  # in doubt, and less
    ],
)
def test_a_row_is_worse_beyond_doubt_or_by_more_than_5_percent(
    scales: tuple[float, ...], *, worse: bool
) -> None:
    rounds = [Round(turn(), turn(scale)) for scale in scales]
    found = {one.row.key: one.is_worse for one in ratios(rounds) if not one.row.is_control}
    assert found == {row.key: worse for row in ROWS}


def test_two_equal_revisions_compare_as_equal_in_about_95_of_100_runs() -> None:
    rng = random.Random(3)  # noqa: S311  the same in every run
    held = 0
    for _ in range(100):
        rounds = [Round(turn(rng=rng), turn(rng=rng)) for _ in range(6)]
        _, low, high = by_key(rounds)["warm"]
        held += low <= 1 <= high
    assert 90 <= held <= 99


def test_a_table_has_ratio_interval_verdict_and_failures() -> None:
    rounds = [Round(turn(1.0), turn(scale)) for scale in (1.2, 1.21)]
    rounds[0].here["warm"].failures["503 Queue full"] += 2
    lines = table(ratios(rounds), "v1").splitlines()
    warm = next(number for number, line in enumerate(lines) if "pool full" in line)
    assert "1.205" in lines[warm]
    assert lines[warm].endswith("WORSE")
    assert lines[warm + 1].strip() == "FAILED 2 times (here): 503 Queue full"
    assert lines[warm + 2].strip().startswith("API writes next to it")


def test_the_file_of_a_comparison_has_all_values_round_by_round() -> None:
    rounds = [Round(turn(1.0), turn(1.2)), Round(turn(1.0), turn(1.1))]
    kept = {row["row"]["key"]: row for row in as_json(ratios(rounds), rounds)}
    assert [len(of["here"]["values"]) for of in kept["warm"]["rounds"]] == [21, 21]
    assert kept["reuse"]["rounds"][1]["base"]["rate"] == pytest.approx(30)
