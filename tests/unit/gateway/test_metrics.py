"""Labels of the gateway's metrics have only known values."""

from __future__ import annotations

from typing import Any

from cloche_gateway.metrics import Metrics


def ended(language: str, phase: str, reason: str) -> dict[str, Any]:
    return {
        "spec": {"language": language},
        "status": {"phase": phase, "reason": reason, "executionSeconds": 0.1},
    }


def test_unknown_languages_and_reasons_share_one_label_value() -> None:
    metrics = Metrics()
    pool = {"ready": 0, "claimed": 0, "hits": 0, "misses": 0, "healthFailures": 0}
    metrics.observe(lambda: 0, {}, {"python": pool})
    for number in range(100):
        metrics.ended(ended(f"language-{number}", "Error", f"Reason{number}"))
    metrics.ended(ended("python", "Error", "PodEvicted"))
    text = metrics.text().decode()
    assert 'sandbox_executions_total{language="other",status="failed"} 100.0' in text
    assert 'sandbox_executions_total{language="python",status="failed"} 1.0' in text
    assert 'sandbox_errors_total{reason="other"} 100.0' in text
    assert 'sandbox_errors_total{reason="PodEvicted"} 1.0' in text
    assert "language-" not in text
