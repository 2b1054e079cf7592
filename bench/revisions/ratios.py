"""Compute the ratio of two revisions with its 95 % interval for each row. Pure functions."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from figures.stats import mean_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from figures.run import Figures

WORSE = 0.05
"""The limit for the ratio itself, regardless of its interval."""
BASE, HERE = "base", "here"


@dataclass(frozen=True)
class Row:
    """A row of the comparison, and the statistic that is compared."""

    key: str
    title: str
    statistic: str = "p50"
    """As in `catalogue.Bound`: of a turn's values, or `rate`."""
    adjusted: bool = False
    """Whether it is compared in units of its controls."""
    is_control: bool = False
    """Whether it is the controls themselves, which are not judged."""

    @property
    def higher_is_better(self) -> bool:
        """Whether it measures a rate."""
        return self.statistic == "rate"

    def logarithm(self, of: Figures) -> float:
        """Return the logarithm of a turn's statistic, adjusted by its controls.

        The speed of a shared machine changes from minute to minute by more than two revisions
        differ. API writes in which no revision takes part measure that change: on the machine of
        docs/design/performance.md the medians of 20 warm requests varied by 11 %, and in units of
        the accompanying writes by 5 %.
        """
        value = math.log(of[self.key].statistic(self.statistic))
        if not self.adjusted:
            return value
        unit = math.log(of[control(self.key)].statistic("p50"))
        return value + unit if self.higher_is_better else value - unit


def control(key: str) -> str:
    """Return the key of the API writes that accompany a row."""
    return f"{key}.control"


ROWS = (
    Row("warm", "warm overhead, pool full", adjusted=True),
    Row("refill", "warm overhead, pool refilling", adjusted=True),
    Row("cold", "cold"),
    Row("single", "churn: single-use, 8 clients", "rate"),
    Row("reuse", "reuse, 8 clients", "rate"),
)
"""The rows that are judged."""


@dataclass(frozen=True)
class Round:
    """Both revisions' turns of one round, which follow each other."""

    base: Figures
    here: Figures


@dataclass(frozen=True)
class Ratio:
    """This checkout's statistic divided by the base's."""

    row: Row
    base: float
    here: float
    """Geometric means of the turns' statistics over the rounds, in the row's unit."""
    values: int
    """The number of values of both revisions."""
    ratio: float
    low: float
    high: float
    """The ratio's 95 % interval."""
    failures: dict[str, dict[str, int]]
    """Responses other than results, by revision."""

    @property
    def is_worse(self) -> bool:
        """Whether the whole interval is on the worse side, or the ratio is more than 5 % worse."""
        if self.row.higher_is_better:
            return self.high < 1 or self.ratio < 1 - WORSE
        return self.low > 1 or self.ratio > 1 + WORSE


def order_of(number: int) -> tuple[str, str]:
    """Return the order of a round's turns (from round 1): ABBA, so that a drift favours neither."""
    return (BASE, HERE) if number % 2 else (HERE, BASE)


def ratios(rounds: Sequence[Round]) -> list[Ratio]:
    """Return each row's ratio, followed by that of its controls, from at least two rounds."""
    rows = [each for row in ROWS for each in ((row, _controls(row)) if row.adjusted else (row,))]
    return [_ratio(row, rounds) for row in rows]


def _controls(row: Row) -> Row:
    title = "  API writes next to it"
    return Row(control(row.key), title, is_control=True)


def _ratio(row: Row, rounds: Sequence[Round]) -> Ratio:
    """Compare the two turns of each round; the rounds are the sample.

    Values of one turn are correlated (through the node's load or a process's memory placement), so
    an interval from all values as one sample would be too narrow. In logarithms the mean of the
    ratios equals the ratio of the means.
    """
    differences = [row.logarithm(pair.here) - row.logarithm(pair.base) for pair in rounds]
    low, high = mean_interval(differences)
    sides = {BASE: [pair.base for pair in rounds], HERE: [pair.here for pair in rounds]}
    failures = {
        side: dict(sum((of[row.key].failures for of in turns), Counter[str]()))
        for side, turns in sides.items()
    }
    return Ratio(
        row,
        base=_typical(row, sides[BASE]),
        here=_typical(row, sides[HERE]),
        values=sum(len(of[row.key].values) for turns in sides.values() for of in turns),
        ratio=math.exp(statistics.fmean(differences)),
        low=math.exp(low),
        high=math.exp(high),
        failures=failures,
    )


def _typical(row: Row, turns: Sequence[Figures]) -> float:
    return statistics.geometric_mean(of[row.key].statistic(row.statistic) for of in turns)


def table(found: Sequence[Ratio], base: str) -> str:
    """Return the table for the terminal; `base` is the other revision's name."""
    heads = f"{'n':>6}{base[:11]:>12}{'here':>12} {'':<8} {'ratio':>6}"
    lines = [f"{'':<31}{heads}   95 % interval"]
    for one in found:
        unit = "per s" if one.row.higher_is_better else "ms p50"
        numbers = f"{one.values:>6}{one.base:>12.2f}{one.here:>12.2f} {unit:<8} {one.ratio:>6.3f}"
        interval = f"{one.low:.3f} to {one.high:.3f}"
        lines.append(f"{one.row.title:<31}{numbers}   {interval:<16}   {_verdict(one)}".rstrip())
        lines += [
            f"{'':<31}FAILED {count} times ({side}): {what}"
            for side, failures in one.failures.items()
            for what, count in failures.items()
        ]
    lines.append("ratios of warm rows: in units of the API writes next to them")
    return "\n".join(lines)


def as_json(found: Sequence[Ratio], rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """Return every row with its ratio and all values by round, rounded to microseconds."""
    return [
        asdict(one)
        | {"worse": one.is_worse}
        | {"rounds": [{BASE: _turn(one, of.base), HERE: _turn(one, of.here)} for of in rounds]}
        for one in found
    ]


def _turn(one: Ratio, of: Figures) -> dict[str, Any]:
    figure, statistic = of[one.row.key], one.row.statistic
    values = [round(value, 3) for value in figure.values]
    return {statistic: round(figure.statistic(statistic), 3), "values": values}


def _verdict(one: Ratio) -> str:
    if one.row.is_control:
        return ""
    if one.is_worse:
        return "WORSE"
    better = one.low > 1 if one.row.higher_is_better else one.high < 1
    return "better" if better else "no difference found"
