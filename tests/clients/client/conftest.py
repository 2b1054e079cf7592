"""What clients need besides the installation."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.clients.client_package import Built, build, install
from support.fixtures.client.installed_client import InstalledClient
from support.fixtures.installation import Installation


@pytest.fixture(scope="session")
def built_client(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The wheel and the sdist of cloche-client."""
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def client_bin(built_client: Built) -> Path:
    """The programs of an environment with the wheel, of the oldest supported Python."""
    return install(built_client.wheel, sys.executable)


@pytest.fixture
def installed_client(
    client_bin: Path, installation: Installation, tmp_path: Path
) -> InstalledClient:
    return InstalledClient(client_bin, installation, tmp_path)
