"""The rows of the benchmark: titles, comparisons and bounds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """A bound of a row's statistic, relative to another row of the same run, or absolute.

    Without `limit`, the factor is an absolute value in the row's unit. Without a factor, the ratio
    is only reported.
    """

    statistic: str
    """A field of `stats.Summary`, or `rate`."""
    limit: str | None = None
    """Key of the row to compare with; `churn` is the best bare Pod churn."""
    factor: float | None = None
    stretch: float | None = None
    at_least: bool = False
    of: str = "p50"
    """The statistic of the row to compare with."""


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    key: str
    title: str
    unit: str = "ms"
    bounds: tuple[Bound, ...] = ()
    rate: bool = False
    """Whether the row measures a rate; its values are then the durations."""


STEPS = ("queued", "claimed", "started", "finished", "recorded", "returned")
"""The steps of a request: each row is the time since the previous step (`queued`: since
sending)."""


def _of_write(
    statistic: str = "p50", factor: float | None = None, stretch: float | None = None
) -> Bound:
    return Bound(statistic, "write", factor, stretch)


def _steps(key: str) -> tuple[Row, ...]:
    return tuple(Row(f"{key}.{step}", f"  {step}", bounds=(_of_write(),)) for step in STEPS)


CHURN = (2, 4, 8)
"""Numbers of concurrent bare Pods."""

ROWS = (
    Row("write", "one API write"),
    Row("row", "  many in a row", bounds=(_of_write(),)),
    Row("bare", "bare Pod, cold"),
    Row("cold", "Cloche cold", bounds=(Bound("p50", "bare", 1.15),)),
    Row("warm", "warm overhead, pool full", bounds=(_of_write("p50", 7, stretch=5),)),
    *_steps("warm"),
    Row(
        "refill",
        "warm overhead, pool refilling",
        bounds=(_of_write("p99", 20), _of_write()),
    ),
    *_steps("refill"),
    Row("clients", "warm overhead, 4 clients", bounds=(_of_write(),)),
    *_steps("clients"),
    Row("stored", "warm overhead, 10,000 stored", bounds=(Bound("p50", "refill", 1.15),)),
    *_steps("stored"),
    *(Row(f"churn{n}", f"bare Pods, {n} at a time", rate=True) for n in CHURN),
    Row(
        "single",
        "single-use, 8 clients",
        bounds=(Bound("rate", "churn", 0.85, at_least=True),),
        rate=True,
    ),
    Row("loop", "bare loop, 8 reused Pods", rate=True),
    Row(
        "reuse",
        "reuse, 8 clients",
        bounds=(
            Bound("rate", "churn", 10, 13, at_least=True),
            Bound("p99", None, 500),
            Bound("rate", "loop", of="rate"),
            Bound("p99", "loop", of="p99"),
        ),
        rate=True,
    ),
    Row("burst", "burst: each answer", bounds=(Bound("p50", "bare"),)),
    Row("last", "burst: the last answer", bounds=(Bound("p50", "burst_limit"),)),
    Row("idle.cpu", "idle: gateway and operator", "% CPU", (Bound("mean", None, 2),)),
    Row("idle.gateway", "idle: gateway", "MiB", (Bound("max", None, 120),)),
    Row("idle.leader", "idle: operator, leader", "MiB", (Bound("max", None, 120),)),
    Row("idle.standby", "idle: operator, standby", "MiB", (Bound("max", None, 120),)),
    Row("full.cpu", "with 10,000: both", "% CPU", (Bound("mean", None, 2),)),
    Row("full.gateway", "with 10,000: gateway", "MiB", (Bound("max", None, 120),)),
    Row("full.leader", "with 10,000: leader", "MiB", (Bound("max", None, 120),)),
    Row("full.standby", "with 10,000: standby", "MiB", (Bound("max", None, 120),)),
    Row("pod.memory", "a waiting Python Pod", "MiB", (Bound("max", None, 15),)),
    Row("pod.shim", "  its shim", "MiB"),
)
BY_KEY = {row.key: row for row in ROWS}
