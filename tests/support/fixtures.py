"""Fixtures of the suites that run programs in Pods; their conftest files import them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from support.deadline import until
from support.installation import SANDBOXES, Kubectl

Execute = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def execute(http: httpx.Client) -> Execute:
    """POST /api/v1/execute and return the response's body; any status but 200 fails the test."""

    def post(code: str, language: str = "python", **fields: Any) -> dict[str, Any]:
        answer = http.post("/api/v1/execute", json={"code": code, "language": language, **fields})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    return post


@pytest.fixture(scope="session")
def running_pod(kubectl: Kubectl) -> Callable[[str], dict[str, Any]]:
    """Wait until an execution's program has started; return its Pod."""

    def wait(name: str) -> dict[str, Any]:
        def started() -> dict[str, Any] | None:
            status = kubectl.execution(name).get("status", {})
            pod = status.get("podName")
            if not pod:
                return None
            log = kubectl.run("logs", pod, "-n", SANDBOXES).stdout
            if '"event":"started"' not in log.replace(" ", ""):
                return None
            found: dict[str, Any] = kubectl.json("get", "pod", pod, "-n", SANDBOXES)
            return found

        return until(started, 60, f"execution {name} to start its program")

    return wait
