"""Fixtures: objects as the API server returns them, and the default settings."""

from __future__ import annotations

import pytest

from cloche_api.resources.typed_objects import ExecutionDict
from cloche_operator.settings import Settings

UID = "5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11"


@pytest.fixture
def settings() -> Settings:
    """The default settings."""
    return Settings()


@pytest.fixture
def execution_object() -> ExecutionDict:
    """A SandboxExecution as a watch delivers it."""
    return {
        "metadata": {
            "name": "hello",
            "uid": UID,
            "resourceVersion": "17",
            "creationTimestamp": "2026-01-02T03:04:05Z",
        },
        "spec": {"language": "python", "code": "print(1)", "timeoutSeconds": 30, "cancel": False},
        "status": {"phase": "Pending"},
    }
