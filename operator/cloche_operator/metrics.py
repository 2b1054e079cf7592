"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """The operator's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
            "Executions that wait for capacity.",
            registry=self.registry,
        )
        self.garbage = Counter(
            "cloche_operator_garbage_lines_total",
            "Lines of sandbox Pods that were no events of the protocol.",
            registry=self.registry,
        )
        self.recovered = Counter(
            "cloche_operator_recovered_executions_total",
            "Executions that were found running and read from their Pod's log.",
            registry=self.registry,
        )
