"""The order of the suites, the control planes of a run, and a running installation.

The installation is reached as its users reach it: HTTP with a key, and kubectl.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from suites import SUITES, place_of, suite_of
from support.clients.kubectl import InstallationKubectl
from support.data.names import SANDBOXES
from support.fixtures.control_planes import ControlPlane, Planes, shared
from support.fixtures.installation import Installation, installed

from cloche_api.meta import API_VERSION
from cloche_cluster.errors import ClusterError

REQUEST_SECONDS = 150
_PLANES = pytest.StashKey[Planes]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the suites' markers. The first process of the run has its control planes."""
    for suite in SUITES:
        config.addinivalue_line("markers", f"{suite}: the tests in tests/{suite}")
    if not hasattr(config, "workerinput"):
        config.stash[_PLANES] = Planes()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the control planes, after the last worker."""
    if planes := config.stash.get(_PLANES, None):
        planes.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its suite, and let the suites run in their order."""
    for item in items:
        item.add_marker(suite_of(item.path))
    items.sort(key=lambda item: place_of(item.path))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Name the control planes' place to a worker of pytest-xdist before it starts."""
    node.workerinput["planes"] = str(node.config.stash[_PLANES].place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Have what the tests need built and started once, before any worker runs one."""
    try:
        node.config.stash[_PLANES].prepare(ids)
    except ClusterError as error:
        pytest.exit(f"error: {error}", returncode=1)


@pytest.fixture(scope="session")
def plane_named(pytestconfig: pytest.Config) -> Callable[[str], ControlPlane]:
    """One of the control planes that all tests of the run share, started when it is needed."""
    if worker := getattr(pytestconfig, "workerinput", None):
        return lambda name: shared(Path(worker["planes"]), name)

    def started(name: str) -> ControlPlane:
        planes = pytestconfig.stash[_PLANES]
        planes.start(name)
        return shared(planes.place, name)

    return started


@pytest.fixture(scope="session")
def installation() -> Installation:
    return installed()


@pytest.fixture(scope="session")
def kubectl(installation: Installation) -> InstallationKubectl:
    return InstallationKubectl(installation.kubeconfig)


@pytest.fixture(scope="session")
def http(installation: Installation) -> Iterator[httpx.Client]:
    headers = {"X-API-Key": installation.key}
    with httpx.Client(
        base_url=installation.url, headers=headers, timeout=REQUEST_SECONDS
    ) as client:
        yield client


Submit = Callable[..., str]


@pytest.fixture(scope="session")
def submit(kubectl: InstallationKubectl) -> Submit:
    """Create a SandboxExecution with kubectl; its name."""

    def create(code: str, language: str = "python", **spec: Any) -> str:
        manifest = {
            "apiVersion": API_VERSION,
            "kind": "SandboxExecution",
            "metadata": {"generateName": "test-", "namespace": SANDBOXES},
            "spec": {"language": language, "code": code, **spec},
        }
        created = kubectl("create", "-f", "-", "-o", "name", stdin=json.dumps(manifest))
        return created.strip().split("/")[1]

    return create


Finished = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def finished(kubectl: InstallationKubectl) -> Finished:
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
def runtime(kubectl: InstallationKubectl) -> Iterator[Install]:
    """Install variants of the Python runtime for a module's tests; each one's name."""
    names = []

    def install(name: str, **changes: Any) -> str:
        spec = kubectl.json("get", "sbr", "python", "-n", SANDBOXES)["spec"] | changes
        spec.pop("aliases", None)
        manifest = {
            "apiVersion": API_VERSION,
            "kind": "SandboxRuntime",
            "metadata": {"name": name, "namespace": SANDBOXES},
            "spec": spec,
        }
        kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(manifest))
        names.append(name)
        return name

    yield install
    for name in names:
        kubectl("delete", "sbr", name, "-n", SANDBOXES)
