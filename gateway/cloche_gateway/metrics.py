"""Prometheus metrics of the gateway."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cloche_api.resources.phases import Reason
from cloche_gateway import __version__
from cloche_gateway.results import status_word

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from prometheus_client.core import Metric

    from cloche_api.resources.typed_dicts import ExecutionStatusDict
    from cloche_api.resources.typed_objects import ExecutionSpecDict
    from cloche_kube.watch import Follower

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_STEP_SECONDS = (0.001, 0.0025, *_SECONDS)
"""Buckets from the time of one write to the API server on a fast disk to that of the longest
program."""
_Time = Literal["queuedTime", "claimedTime", "startTime", "completionTime", "recordedTime"]
_STEPS: dict[str, tuple[_Time, _Time]] = {
    "claimed": ("queuedTime", "claimedTime"),
    "started": ("claimedTime", "startTime"),
    "finished": ("startTime", "completionTime"),
    "recorded": ("completionTime", "recordedTime"),
}
"""The steps of the operator, each with the status fields of its start and end."""
_TIMES: tuple[_Time, ...] = get_args(_Time)

_REASONS = frozenset(Reason)
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Created:
    """The creation of an execution: duration of the call in seconds, and Unix time at its end."""

    seconds: float
    at: float


class Metrics:
    """The gateway's metrics. Their names are part of the API (docs/user/api.md)."""

    def __init__(self) -> None:
        disable_created_metrics()  # leaves out the creation time of each counter and histogram
        self._registry = CollectorRegistry()
        self._languages: Container[str] = ()
        own = self._registry
        ProcessCollector(registry=own)
        build = Info("cloche_build", "The program and its version", registry=own)
        build.info({"program": "gateway", "version": __version__})
        self.executions = Counter(
            "sandbox_executions",
            "Executions that ended, by language and status",
            ["language", "status"],
            registry=own,
        )
        self.duration = Histogram(
            "sandbox_execution_duration_seconds", "Wall time of the program alone", ["language"],
            buckets=_SECONDS, registry=own,
        )  # fmt: skip
        self.errors = Counter(
            "sandbox_errors",
            "Executions that failed because of the system, by reason",
            ["reason"],
            registry=own,
        )
        steps = Histogram(
            "sandbox_step_seconds",
            "Steps of synchronous requests, each from the end of the previous one: created, "
            "queued, claimed, started, finished, recorded, returned",
            ["step"], buckets=_STEP_SECONDS, registry=own,
        )  # fmt: skip
        # Looking a label up takes as long as the observation.
        self._step = {
            name: steps.labels(name) for name in ("created", "queued", *_STEPS, "returned")
        }
        self.requests = Counter(
            "http_requests",
            "HTTP requests answered",
            ["method", "route", "status"],
            registry=own,
        )
        self.request_seconds = Histogram(
            "http_request_duration_seconds",
            "Seconds from a request to the end of its response, waiting for the program included",
            ["method", "route"], buckets=_SECONDS, registry=own,
        )  # fmt: skip
        self.rate_limit_failures = Counter(
            "gateway_rate_limit_failures",
            "Requests that were not counted because the rate limit store did not answer",
            registry=own,
        )
        self._waiting = Gauge(
            "sandbox_waiting_requests", "Executions whose end is awaited by requests", registry=own
        )
        self._connections = Gauge("http_connections", "Open client connections", registry=own)
        self._watches = Gauge(
            "gateway_watch_up",
            "Whether a watch of the API server is established",
            ["watch"],
            registry=own,
        )

    def observe(
        self,
        waiting: Callable[[], float],
        watches: Mapping[str, Follower],
        pools: Mapping[str, Mapping[str, int]],
    ) -> None:
        """Set the sources of the gauges, which are read at each scrape.

        `waiting` returns the number of executions with waiting requests. `watches` has the watches
        by name, and `pools` the pool status of each runtime.
        """
        self._registry.register(_Pools(pools))
        self._languages = pools
        self._waiting.set_function(waiting)
        for name, watch in watches.items():
            self._watches.labels(name).set_function(_is_established(watch))

    def observe_connections(self, count: Callable[[], float]) -> None:
        """Set the source of the gauge of open connections."""
        self._connections.set_function(count)

    def ended(self, obj: dict[str, Any], created: Created | None = None) -> None:
        """Count an ended execution, by its `status` in the API.

        `created` is given for synchronous requests, whose steps are recorded too.
        """
        spec: ExecutionSpecDict = obj["spec"]
        status: ExecutionStatusDict = obj["status"]
        language = known(spec["language"], self._languages)
        self.executions.labels(language, status_word(obj)).inc()
        if status["phase"] == "Error":
            self.errors.labels(known(status.get("reason"), _REASONS)).inc()
        seconds: float | None = status.get("executionSeconds")
        if seconds is not None:
            self.duration.labels(language).observe(seconds)
        if created is not None:
            self._steps(status, created)

    def _steps(self, status: ExecutionStatusDict, created: Created) -> None:
        """Record the duration of each step since the one before.

        A duration is at least 0, because the clocks of two machines can differ.
        """
        times = {name: _unix(text) for name in _TIMES if (text := status.get(name))}
        self._step["created"].observe(created.seconds)
        if queued := times.get("queuedTime"):
            self._step["queued"].observe(max(0.0, queued - created.at))
        for step, (before, after) in _STEPS.items():
            if before in times and after in times:
                self._step[step].observe(max(0.0, times[after] - times[before]))
        if last := times.get("recordedTime") or times.get("completionTime"):
            self._step["returned"].observe(max(0.0, time.time() - last))

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)


def known(value: str | None, values: Container[str]) -> str:
    """Return a label's value, or `other` if it is not one of `values`.

    Each value of a label takes memory for the lifetime of the process.
    """
    return value if value is not None and value in values else OTHER


def _unix(text: str) -> float:
    """Return the Unix time of an RFC 3339 time."""
    return datetime.fromisoformat(text).timestamp()


def _is_established(watch: Follower) -> Callable[[], float]:
    return lambda: float(watch.established)


class _Pools(Collector):
    """Metrics of the pools of pre-started Pods, from the statuses of the SandboxRuntimes."""

    def __init__(self, pools: Mapping[str, Mapping[str, int]]) -> None:
        self._pools = pools

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families, each with a sample per language."""
        for name, field, words in _GAUGES:
            gauge = GaugeMetricFamily(name, words, labels=["language"])
            for language, pool in self._pools.items():
                gauge.add_metric([language], pool[field])
            yield gauge
        for name, field, words in _COUNTERS:
            counter = CounterMetricFamily(name, words, labels=["language"])
            for language, pool in self._pools.items():
                counter.add_metric([language], pool[field])
            yield counter


_GAUGES = (
    ("warm_pool_size", "ready", "Waiting Pods"),
    ("sandbox_active_containers", "claimed", "Pods that run a program or belong to a session"),
)
_COUNTERS = (
    ("warm_pool_hits", "hits", "Executions that found a waiting Pod"),
    (
        "warm_pool_misses",
        "misses",
        "Executions that found no waiting Pod although the pool has Pods with their resources",
    ),
    ("warm_pool_health_failures", "healthFailures", "Pods that failed while they waited"),
)
