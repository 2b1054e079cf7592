"""Resources that the suites share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from cloche_api.resources.typed_objects import RuntimeDict, RuntimeSpecDict, SessionDict

PYTHON: dict[str, Any] = {
    "image": "cloche/runtime-python:dev",
    "fileName": "main.py",
    "run": {"command": ["python3", "main.py"]},
}
"""The spec of a runtime with no more than the required fields."""
RUNTIME: RuntimeDict = {
    "metadata": {
        "name": "python",
        "uid": "uid-of-python",
        "generation": 1,
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-02T03:04:05Z",
    },
    "spec": cast("RuntimeSpecDict", PYTHON),
}
"""The same runtime as the API server returns it."""
SESSION: SessionDict = {
    "metadata": {
        "name": "sbs-1",
        "uid": "uid-of-session",
        "resourceVersion": "1",
        "creationTimestamp": datetime.now(UTC).isoformat(),
    },
    "spec": {"language": "python"},
}
"""A session of this runtime, which has just been created."""
