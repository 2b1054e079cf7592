"""The results of a run, row by row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from figures.catalogue import CHURN, Bound
from figures.stats import Summary, summary


@dataclass
class Figure:
    """One row's values in the row's unit, and its counts."""

    values: list[float] = field(default_factory=list)
    count: int = 0
    """Completed operations, if the row measures a rate …"""
    seconds: float = 0.0
    """… and the seconds that they took."""
    failures: Counter[str] = field(default_factory=Counter)
    """Responses other than results, by their message; they are not among the values."""
    cold: int = 0
    """Requests of a warm row that found no waiting Pod; they are among the values."""

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.count / self.seconds

    @property
    def summary(self) -> Summary:
        """Percentiles of the values."""
        return summary(self.values)

    def statistic(self, name: str) -> float:
        """Return a statistic by its name in `Bound`."""
        value: float = self.rate if name == "rate" else getattr(self.summary, name)
        return value


@dataclass(frozen=True)
class Comparison:
    """A bound and the run's value."""

    bound: Bound
    value: float
    limit: float | None
    """The compared row's value in the same run, if the bound has one."""

    @property
    def ratio(self) -> float:
        """The value that the bound's factor applies to."""
        return self.value if self.limit is None else self.value / self.limit

    def holds(self, factor: float) -> bool:
        """Return whether the ratio meets a factor."""
        return self.ratio >= factor if self.bound.at_least else self.ratio <= factor


class Figures:
    """All rows of a run."""

    def __init__(self, burst: int) -> None:
        self._figures: dict[str, Figure] = {}
        self._burst = burst

    def __contains__(self, key: str) -> bool:
        figure = self._figures.get(key)
        return figure is not None and bool(figure.values)

    def __len__(self) -> int:
        """Return the number of rows with values."""
        return sum(1 for key in self._figures if key in self)

    def __getitem__(self, key: str) -> Figure:
        """Return a row's figure, and create it if necessary."""
        return self._figures.setdefault(key, Figure())

    def compared(self, bound: Bound, key: str) -> Comparison | None:
        """Compare a row with one of its bounds; None if the limit was not measured."""
        limit = None if bound.limit is None else self._limit(bound)
        if bound.limit is not None and limit is None:
            return None
        return Comparison(bound, self[key].statistic(bound.statistic), limit)

    def best_churn(self) -> float | None:
        """Return the best rate of bare Pods over all numbers of concurrent Pods."""
        rates = [self[f"churn{n}"].rate for n in CHURN if f"churn{n}" in self]
        return max(rates, default=None)

    def _limit(self, bound: Bound) -> float | None:
        churn = self.best_churn()
        if bound.limit == "churn":
            return churn
        if bound.limit == "burst_limit":  # in the unit of the row
            return None if churn is None else 1000 * self._burst / churn
        assert bound.limit is not None
        return self[bound.limit].statistic(bound.of) if bound.limit in self else None
