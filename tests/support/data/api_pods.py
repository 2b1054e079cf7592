"""Pods as the API server returns them, with few fields, and as the operator parses them."""

from __future__ import annotations

from typing import Any, cast

from cloche_operator.model.pod import Pod, from_object
from cloche_operator.model.pod_types import PodDict


def pod_object(
    status: dict[str, Any] | None = None, spec: dict[str, Any] | None = None, **metadata: Any
) -> dict[str, Any]:
    """Return a Pod, by default without a state."""
    container = {"name": "sandbox", "image": "cloche/runtime-python:abc"}
    return {
        "metadata": {
            "name": "sbx-1",
            "uid": "uid-of-pod",
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-02T03:04:05Z",
            **metadata,
        },
        "spec": {"containers": [container], **(spec or {})},
        "status": status or {},
    }


def pod(
    status: dict[str, Any] | None = None, spec: dict[str, Any] | None = None, **metadata: Any
) -> Pod:
    """Return a Pod, parsed."""
    return from_object(cast("PodDict", pod_object(status, spec, **metadata)))
