"""Percentiles, for every row alike."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def _percentile(values: Sequence[float], percent: int) -> float:
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
