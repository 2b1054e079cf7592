"""The operator's Prometheus metrics."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from cloche_operator import __version__

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""Buckets, from one step of the warm path to the longest program."""


class Metrics:
    """The operator's metrics, in a separate registry."""

    def __init__(self) -> None:
        disable_created_metrics()  # leaves out the creation time of each counter and histogram
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Info("cloche_build", "The program and its version.", registry=self.registry)
        build.info({"program": "operator", "version": __version__})
        self.ended = Counter(
            "cloche_operator_executions_total",
            "Executions that ended, by language, phase and reason.",
            ["language", "phase", "reason"],
            registry=self.registry,
        )
        self.running = Gauge(
            "cloche_operator_running_executions",
            "Executions that have capacity and have not ended.",
            registry=self.registry,
        )
        self.queued = Gauge(
            "cloche_operator_queued_executions",
            "Executions and sessions that wait for capacity, or for their turn in a session.",
            registry=self.registry,
        )
        self.queued_bytes = Gauge(
            "cloche_operator_queued_bytes",
            "Bytes of etcd that the inputs of queued executions take.",
            registry=self.registry,
        )
        self.buffered = Gauge(
            "cloche_operator_buffered_bytes",
            "Upper bound of the memory that inputs and results in transit take, in bytes.",
            registry=self.registry,
        )
        self.garbage = Counter(
            "cloche_operator_garbage_lines_total",
            "Lines of output of sandbox Pods that are not events of the protocol.",
            registry=self.registry,
        )
        self.recovered = Counter(
            "cloche_operator_recovered_executions_total",
            "Executions of a previous operator whose result was read from the Pod's log.",
            registry=self.registry,
        )
        self.leading = Gauge(
            "cloche_operator_leading",
            "1 while this operator leads.",
            registry=self.registry,
        )
        self.attachments = Gauge(
            "cloche_operator_attachments",
            "Attached Pods: waiting, running, and of sessions.",
            registry=self.registry,
        )
        self.waiting = Gauge(
            "cloche_operator_pool_waiting_pods",
            "Waiting Pods of all pools.",
            registry=self.registry,
        )
        self.without_node = Gauge(
            "cloche_operator_pods_without_node",
            "Pods for which the scheduler finds no node.",
            registry=self.registry,
        )
        self.hits = Counter(
            "cloche_operator_pool_hits_total",
            "Executions that found a waiting Pod.",
            ["runtime"],
            registry=self.registry,
        )
        self.prestarted = Counter(
            "cloche_operator_pool_prestarted_total",
            "Executions whose program, or compiler, was a process that had waited in its Pod.",
            ["runtime"],
            registry=self.registry,
        )
        self.misses = Counter(
            "cloche_operator_pool_misses_total",
            "Executions that found no waiting Pod, although the pool has Pods with their limits.",
            ["runtime"],
            registry=self.registry,
        )
        self.health_failures = Counter(
            "cloche_operator_pool_health_failures_total",
            "Waiting Pods that were lost.",
            ["runtime"],
            registry=self.registry,
        )
        self.steps = Histogram(
            "cloche_operator_step_seconds",
            "Seconds since the previous step: claimed, started, finished, recorded.",
            ["step"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.stored = Gauge(
            "cloche_operator_stored_executions",
            "Stored executions that have ended.",
            registry=self.registry,
        )
        self.stored_bytes = Gauge(
            "cloche_operator_stored_bytes",
            "Bytes of etcd that stored executions take.",
            registry=self.registry,
        )
