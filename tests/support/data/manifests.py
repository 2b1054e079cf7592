"""Resources that the suites share."""

from __future__ import annotations

from typing import Any

PYTHON: dict[str, Any] = {
    "image": "cloche/runtime-python:dev",
    "fileName": "main.py",
    "run": {"command": ["python3", "main.py"]},
}
"""The spec of a runtime with no more than the required fields."""
