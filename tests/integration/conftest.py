"""A real kube-apiserver and etcd with our resources installed: one for all integration tests."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from support.clients.api_server import ApiServer, api_server
from support.fixtures.control_planes import BARE, ControlPlane


@pytest.fixture(scope="session")
def control_plane(plane_named: Callable[[str], ControlPlane]) -> ControlPlane:
    """The API server, with the CustomResourceDefinitions established."""
    return plane_named(BARE)


@pytest.fixture(scope="session")
def server(control_plane: ControlPlane) -> Iterator[ApiServer]:
    """The API server without kubectl in between."""
    with api_server(control_plane.kubeconfig, control_plane.url) as made:
        yield made


@pytest.fixture
def new_namespace(server: ApiServer) -> Callable[[], str]:
    """Makes a namespace of the test's own, by a name that no other test has."""

    def make() -> str:
        name = f"test-{uuid.uuid4().hex[:10]}"
        server.create("/api/v1/namespaces", {"metadata": {"name": name}})
        # As the chart does. Without it, an operator leads only after the duration of a Lease.
        leases = f"/apis/coordination.k8s.io/v1/namespaces/{name}/leases"
        server.create(leases, {"metadata": {"name": "cloche-operator"}})
        return name

    return make


@pytest.fixture
def namespace(new_namespace: Callable[[], str]) -> str:
    """A namespace of the test's own."""
    return new_namespace()
