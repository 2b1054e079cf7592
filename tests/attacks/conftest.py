"""Fixtures: the installation under attack, and runtimes for the attacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.installation import Installation
from support.site import Site, site

from attacks.node import holdings, settled
from attacks.owners import device_owners, mapped_files
from attacks.target import Target


@pytest.fixture(scope="session")
def place(installation: Installation) -> Iterator[Site]:
    """The installation, accessed through its API server."""
    with site(installation) as where:
        yield where


@pytest.fixture(scope="package", autouse=True)
def node_as_before(place: Site) -> Iterator[None]:
    """After all attacks, check that the node holds what it held before and the pools are as full.

    Also check that no device of the machine and no file of an image has become a Pod's.

    This runs once for the suite, because containerd and the kubelet take a minute to clean up.
    """
    before, devices = holdings(place), device_owners()
    yield
    assert device_owners() == devices
    assert not mapped_files()
    assert not (grown := settled(place, before)), grown


@pytest.fixture(scope="session")
def target(place: Site) -> Target:
    return Target(place)


@pytest.fixture(scope="module")
def addresses(target: Target) -> dict[str, str]:
    """The addresses that a program might connect to."""
    return target.addresses()
