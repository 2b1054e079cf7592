"""Operators with a real API server but no node: the tests act as user, scheduler and kubelet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.api_server import ApiServer
from support.planes import ControlPlane
from support.relay import Relay, relay
from support.stage import Stage, stage


@pytest.fixture
def alone(control_plane: ControlPlane, server: ApiServer, tmp_path: Path) -> Iterator[Stage]:
    """A stage for one test, without an operator."""
    with stage(server, control_plane.kubeconfig, tmp_path) as made:
        yield made


@pytest.fixture
def relayed(
    control_plane: ControlPlane, server: ApiServer, tmp_path: Path
) -> Iterator[tuple[Stage, Relay]]:
    """The same, with a relay between the operators and the API server."""
    with (
        relay(control_plane.kubeconfig, tmp_path) as between,
        stage(server, between.kubeconfig, tmp_path) as made,
    ):
        yield made, between


@pytest.fixture(scope="module")
def shared(
    control_plane: ControlPlane, server: ApiServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A stage with one operator with default settings, shared by the tests of a module."""
    directory = tmp_path_factory.mktemp("operator")
    with stage(server, control_plane.kubeconfig, directory) as made:
        made.start()
        yield made
