"""Percentiles, for every row alike."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


_Z = 1.96  # the normal distribution's for 95 %


@dataclass(frozen=True)
class Summary:
    """A row's values, in the row's own unit."""

    n: int
    min: float
    p50: float
    p90: float
    p99: float
    max: float
    mean: float


def summary(values: Sequence[float]) -> Summary:
    """The summary of at least one value; percentiles between two values are interpolated."""
    return Summary(
        n=len(values),
        min=min(values),
        p50=_percentile(values, 50),
        p90=_percentile(values, 90),
        p99=_percentile(values, 99),
        max=max(values),
        mean=statistics.fmean(values),
    )


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the median, by the ranks between which it lies in 95 of 100 samples.

    Nothing is assumed of how the values are spread. At least six of them.
    """
    ordered, n = sorted(values), len(values)
    below = math.floor(n / 2 - _Z * math.sqrt(n) / 2)
    return ordered[max(0, below)], ordered[min(n - 1, n - 1 - below)]


def _percentile(values: Sequence[float], percent: int) -> float:
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
