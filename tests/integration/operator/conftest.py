"""Operators before a real API server without a node: the tests play user, scheduler, kubelet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.api_server import ApiServer, api_server
from support.stage import Stage, stage


@pytest.fixture(scope="session")
def server(control_plane: Any) -> Iterator[ApiServer]:
    """The API server without kubectl in between."""
    with api_server(control_plane.kubeconfig, control_plane.url) as made:
        yield made


@pytest.fixture
def alone(control_plane: Any, server: ApiServer, tmp_path: Path) -> Iterator[Stage]:
    """A stage of the test's own, where no operator runs yet."""
    with stage(server, control_plane.kubeconfig, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared(
    control_plane: Any, server: ApiServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A stage with one operator of the default settings, for all tests of a module."""
    directory = tmp_path_factory.mktemp("operator")
    with stage(server, control_plane.kubeconfig, directory) as made:
        made.start()
        yield made
