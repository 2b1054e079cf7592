"""A running installation, reached as its users reach it: HTTP with a key, and kubectl."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from support.installation import SANDBOXES, Installation, Kubectl, installed

REQUEST_SECONDS = 150


@pytest.fixture(scope="session")
def installation() -> Installation:
    return installed()


@pytest.fixture(scope="session")
def kubectl(installation: Installation) -> Kubectl:
    return Kubectl(installation.kubeconfig)


@pytest.fixture(scope="session")
def http(installation: Installation) -> Iterator[httpx.Client]:
    headers = {"X-API-Key": installation.key}
    with httpx.Client(
        base_url=installation.url, headers=headers, timeout=REQUEST_SECONDS
    ) as client:
        yield client


Submit = Callable[..., str]


@pytest.fixture(scope="session")
def submit(kubectl: Kubectl) -> Submit:
    """Create a SandboxExecution with kubectl; its name."""

    def create(code: str, language: str = "python", **spec: Any) -> str:
        manifest = {
            "apiVersion": "cloche.dev/v1alpha1",
            "kind": "SandboxExecution",
            "metadata": {"generateName": "test-", "namespace": SANDBOXES},
            "spec": {"language": language, "code": code, **spec},
        }
        created = kubectl("create", "-f", "-", "-o", "name", input_=json.dumps(manifest))
        return created.strip().split("/")[1]

    return create


Finished = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def finished(kubectl: Kubectl) -> Finished:
    """Wait until an execution has ended; its status."""

    def wait(name: str) -> dict[str, Any]:
        kubectl(
            "wait", "--for=condition=Finished", f"sbx/{name}", "-n", SANDBOXES, "--timeout=120s"
        )
        status: dict[str, Any] = kubectl.execution(name)["status"]
        return status

    return wait


Install = Callable[..., str]


@pytest.fixture(scope="module")
def runtime(kubectl: Kubectl) -> Iterator[Install]:
    """Install variants of the Python runtime for a module's tests; each one's name."""
    names = []

    def install(name: str, **changes: Any) -> str:
        spec = kubectl.json("get", "sbr", "python", "-n", SANDBOXES)["spec"] | changes
        spec.pop("aliases", None)
        manifest = {
            "apiVersion": "cloche.dev/v1alpha1",
            "kind": "SandboxRuntime",
            "metadata": {"name": name, "namespace": SANDBOXES},
            "spec": spec,
        }
        kubectl("apply", "--server-side", "-f", "-", input_=json.dumps(manifest))
        names.append(name)
        return name

    yield install
    for name in names:
        kubectl("delete", "sbr", name, "-n", SANDBOXES)
