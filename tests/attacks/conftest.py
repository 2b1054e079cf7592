"""Fixtures: the installation under attack, and runtimes for the attacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.clients.installation_api import InstallationApi, installation_api
from support.fixtures.installation import Installation

from attacks.harness.node import holdings, settled
from attacks.harness.owners import device_owners, mapped_files
from attacks.harness.target import Target


@pytest.fixture(scope="session")
def cluster(installation: Installation) -> Iterator[InstallationApi]:
    """The installation, accessed through its API server."""
    with installation_api(installation) as where:
        yield where


@pytest.fixture(scope="package", autouse=True)
def node_as_before(cluster: InstallationApi) -> Iterator[None]:
    """After all attacks, check that the node holds what it held before and the pools are as full.

    Also check that no device of the machine and no file of an image has become a Pod's.

    This runs once for the suite, because containerd and the kubelet take a minute to clean up.
    """
    before, devices = holdings(cluster), device_owners()
    yield
    assert device_owners() == devices
    assert not mapped_files()
    assert not (grown := settled(cluster, before)), grown


@pytest.fixture(scope="session")
def target(cluster: InstallationApi) -> Target:
    return Target(cluster)


@pytest.fixture(scope="module")
def addresses(target: Target) -> dict[str, str]:
    """The addresses that a program might connect to."""
    return target.addresses()
