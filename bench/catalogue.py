"""The rows: what each is called, what it is compared with, and what it must show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """A statistic of a row against the physical limit of the same run, or a plain figure.

    Without `limit` the factor is the figure itself, in the row's unit. Without a factor there is
    nothing to hold: the ratio is told.
    """

    statistic: str
    """A field of `stats.Summary`, or `rate`."""
    limit: str | None = None
    """Key of the row that is the limit; `churn` is the best of bare Pod churn."""
    factor: float | None = None
    stretch: float | None = None
    at_least: bool = False
    of: str = "p50"
    """The limit's own statistic."""


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    key: str
    title: str
    unit: str = "ms"
    bounds: tuple[Bound, ...] = ()
    rate: bool = False
    """Whether it is about how many a second; its values are then how long each took."""


STEPS = ("queued", "claimed", "started", "finished", "recorded", "returned")
"""The steps of a request: each row is the time from the step before (`queued`: from sending)."""


def _of_write(
    statistic: str = "p50", factor: float | None = None, stretch: float | None = None
) -> Bound:
    return Bound(statistic, "write", factor, stretch)


def _steps(key: str) -> tuple[Row, ...]:
    return tuple(Row(f"{key}.{step}", f"  {step}", bounds=(_of_write(),)) for step in STEPS)


CHURN = (2, 4, 8)
"""Bare Pods at a time."""

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
