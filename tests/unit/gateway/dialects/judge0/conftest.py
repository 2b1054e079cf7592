from __future__ import annotations

from typing import Any

import pytest
from support.fixtures.gateway import runtime

from cloche_gateway.cluster.languages import Languages

_RUNTIMES: dict[str, dict[str, Any]] = {
    "python": {"version": "3.13"},
    "cpp": {"version": "14.2", "resources": {"minimum": {"memory": "80Mi"}}},
    "csharp": {"version": "7 (Mono 6.12)"},
    "sqlite": {"version": "3.46"},
    "java": {
        "version": "21",
        "resources": {"maximum": {"cpu": "2", "memory": "1Gi", "disk": "1Gi"}},
    },
    "bash": {},
}


@pytest.fixture
def installed() -> Languages:
    """Some languages, of which one has no version."""
    made = Languages()
    objects = []
    for name, spec in _RUNTIMES.items():
        obj = runtime(name, f"main.{name}", **spec)
        obj["metadata"]["uid"] = name
        objects.append(obj)
    made.replace(objects)
    return made
