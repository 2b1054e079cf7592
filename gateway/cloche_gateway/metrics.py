"""What Prometheus reads: one registry, in the context."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from cloche_gateway.times import seconds_between

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The gateway's own metrics. Names as the contract has them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        own = self._registry
        self.executions = Counter(
            "sandbox_executions",
            "Executions that ended, by outcome",
            ["language", "status"],
            registry=own,
        )
        self.duration = Histogram(
            "sandbox_execution_duration_seconds", "Wall time of the program alone", ["language"],
            buckets=_SECONDS, registry=own,
        )  # fmt: skip
        self.errors = Counter(
            "sandbox_errors",
            "Executions that the system failed, by reason",
            ["reason"],
            registry=own,
        )
        self.steps = Histogram(
            "sandbox_step_seconds",
            "From the step before until an execution was queued, claimed, started, finished and "
            "returned", ["step"], buckets=_SECONDS, registry=own,
        )  # fmt: skip
        self.requests = Counter(
            "http_requests",
            "HTTP requests answered",
            ["method", "route", "status"],
            registry=own,
        )
        self._waiting = Gauge(
            "sandbox_waiting_requests", "Requests that wait for an end", registry=own
        )
        self._standing = Gauge(
            "gateway_watch_up",
            "Whether a watch of the API server stands",
            ["watch"],
            registry=own,
        )

    def observe(self, waiting: Callable[[], float], watches: dict[str, Callable[[], bool]]) -> None:
        """Take the gauges from where they are kept."""
        self._waiting.set_function(waiting)
        for name, standing in watches.items():
            self._standing.labels(name).set_function(_as_float(standing))

    def ended(self, obj: dict[str, Any], outcome: str, *, sent: float) -> None:
        """Count an execution that ended. `sent` is the Unix time of its creation's request."""
        status, language = obj["status"], obj["spec"]["language"]
        self.executions.labels(language, outcome).inc()
        if status["phase"] == "Error":
            self.errors.labels(status.get("reason") or "unknown").inc()
        if status.get("executionSeconds") is not None:
            self.duration.labels(language).observe(status["executionSeconds"])
        self._steps(status, sent)

    def _steps(self, status: dict[str, Any], sent: float) -> None:
        """Each step from the one before; clocks of two machines may differ, so never below 0."""
        times = ["queuedTime", "claimedTime", "startTime", "completionTime"]
        steps = ["queued", "claimed", "started", "finished"]
        if status.get("queuedTime"):
            queued = datetime.fromisoformat(status["queuedTime"]).timestamp()
            self.steps.labels("queued").observe(max(0.0, queued - sent))
        for before, after, step in zip(times, times[1:], steps[1:], strict=False):
            passed = seconds_between(status.get(before), status.get(after))
            if passed is not None:
                self.steps.labels(step).observe(passed)
        if status.get("completionTime"):
            completed = datetime.fromisoformat(status["completionTime"]).timestamp()
            self.steps.labels("returned").observe(max(0.0, time.time() - completed))

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self._registry)


def _as_float(value: Callable[[], bool]) -> Callable[[], float]:
    return lambda: float(value())
