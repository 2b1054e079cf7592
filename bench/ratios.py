"""What a comparison of two revisions shows: for each row a ratio with its 95 % interval. Pure."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stats import mean_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from figures import Figures

WORSE = 0.05
"""How much worse the ratio itself may be, whatever its interval."""
BASE, HERE = "base", "here"


@dataclass(frozen=True)
class Row:
    """One row of the comparison, and its statistic of a turn."""

    key: str
    title: str
    statistic: str = "p50"
    """As in `catalogue.Bound`: of a turn's values, or `rate`."""
    control: bool = False
    """The same program in both revisions' turns: its ratio shows how alike the turns were."""

    @property
    def higher_is_better(self) -> bool:
        """Whether it is about how many a second."""
        return self.statistic == "rate"


ROWS = (
    Row("write", "one API write", control=True),
    Row("warm", "warm overhead, pool full"),
    Row("refill", "warm overhead, pool refilling"),
    Row("cold", "cold"),
    Row("single", "churn: single-use, 8 clients", "rate"),
    Row("reuse", "reuse, 8 clients", "rate"),
)


@dataclass(frozen=True)
class Round:
    """Both revisions' turns of one round, next to one another in time."""

    base: Figures
    here: Figures


@dataclass(frozen=True)
class Ratio:
    """This checkout's statistic divided by the base's."""

    row: Row
    base: float
    here: float
    """Geometric means over the rounds of the turns' statistics, in the row's unit."""
    values: int
    """How many were measured, both revisions together."""
    ratio: float
    low: float
    high: float
    """The ratio's 95 % interval."""
    failures: dict[str, dict[str, int]]
    """By revision: answers that were no result."""

    @property
    def is_worse(self) -> bool:
        """Whether the whole interval is on the worse side, or the ratio is worse than 5 %."""
        if self.row.higher_is_better:
            return self.high < 1 or self.ratio < 1 - WORSE
        return self.low > 1 or self.ratio > 1 + WORSE


def order_of(number: int) -> tuple[str, str]:
    """The order of a round's two turns, from round 1 on: ABBA, so that a drift favours neither."""
    return (BASE, HERE) if number % 2 else (HERE, BASE)


def ratios(rounds: Sequence[Round]) -> list[Ratio]:
    """Each row's ratio, from at least two rounds."""
    return [_ratio(row, rounds) for row in ROWS if _measured(row, rounds)]


def _measured(row: Row, rounds: Sequence[Round]) -> bool:
    return all(row.key in of for pair in rounds for of in (pair.base, pair.here))


def _ratio(row: Row, rounds: Sequence[Round]) -> Ratio:
    """Compare the two turns of each round; the rounds are the sample.

    Values of one turn share what that turn had (the node's load, where a process's memory lies), so
    that an interval from all values as one sample would be too narrow. In logarithms the mean of
    the ratios and the ratio of the means are the same.
    """
    base = [math.log(pair.base[row.key].statistic(row.statistic)) for pair in rounds]
    here = [math.log(pair.here[row.key].statistic(row.statistic)) for pair in rounds]
    differences = [after - before for before, after in zip(base, here, strict=True)]
    low, high = mean_interval(differences)
    sides = {BASE: [pair.base for pair in rounds], HERE: [pair.here for pair in rounds]}
    failures = {
        side: dict(sum((of[row.key].failures for of in turns), Counter[str]()))
        for side, turns in sides.items()
    }
    return Ratio(
        row,
        base=math.exp(statistics.fmean(base)),
        here=math.exp(statistics.fmean(here)),
        values=sum(len(of[row.key].values) for turns in sides.values() for of in turns),
        ratio=math.exp(statistics.fmean(differences)),
        low=math.exp(low),
        high=math.exp(high),
        failures=failures,
    )


def table(found: Sequence[Ratio], base: str) -> str:
    """The table on the terminal; `base` is the other revision's name."""
    heads = f"{'n':>6}{base[:11]:>12}{'here':>12} {'':<8} {'ratio':>6}"
    lines = [f"{'':<31}{heads}   95 % interval"]
    for one in found:
        unit = "a second" if one.row.higher_is_better else "ms p50"
        numbers = f"{one.values:>6}{one.base:>12.2f}{one.here:>12.2f} {unit:<8} {one.ratio:>6.3f}"
        interval = f"{one.low:.3f} to {one.high:.3f}"
        lines.append(f"{one.row.title:<31}{numbers}   {interval:<16}   {_verdict(one)}".rstrip())
        lines += [
            f"{'':<31}FAILED {count} times ({side}): {what}"
            for side, failures in one.failures.items()
            for what, count in failures.items()
        ]
    return "\n".join(lines)


def as_json(found: Sequence[Ratio], rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """Every row with its ratio and all values, round by round, rounded to microseconds."""
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
    if one.row.control:
        return "(the same in both: shows how alike the turns were)"
    if one.is_worse:
        return "WORSE"
    better = one.low > 1 if one.row.higher_is_better else one.high < 1
    return "better" if better else "no difference found"
