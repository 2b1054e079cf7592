"""Operators with a real API server but no node: the tests act as user, scheduler and kubelet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.clients.api_server import ApiServer
from support.fixtures.control_planes import ControlPlane
from support.fixtures.fake_cluster import FakeCluster, fake_cluster
from support.fixtures.relay_process import Relay, relay


@pytest.fixture
def cluster(
    control_plane: ControlPlane, server: ApiServer, tmp_path: Path
) -> Iterator[FakeCluster]:
    """A fake cluster for one test, without an operator."""
    with fake_cluster(server, control_plane.kubeconfig, tmp_path) as made:
        yield made


@pytest.fixture
def relayed(
    control_plane: ControlPlane, server: ApiServer, tmp_path: Path
) -> Iterator[tuple[FakeCluster, Relay]]:
    """The same, with a relay between the operators and the API server."""
    with (
        relay(control_plane.kubeconfig, tmp_path) as between,
        fake_cluster(server, between.kubeconfig, tmp_path) as made,
    ):
        yield made, between


@pytest.fixture(scope="module")
def shared_cluster(
    control_plane: ControlPlane, server: ApiServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FakeCluster]:
    """A fake cluster with one operator with default settings, shared by the tests of a module."""
    directory = tmp_path_factory.mktemp("operator")
    with fake_cluster(server, control_plane.kubeconfig, directory) as made:
        made.start()
        yield made
