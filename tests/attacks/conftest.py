"""The installation under attack, and the languages in two places."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attacks.node import holdings, settled
from attacks.target import Target
from support.installation import Installation
from support.site import Site, site


@pytest.fixture(scope="session")
def place(installation: Installation) -> Iterator[Site]:
    """The installation, by its API server."""
    with site(installation) as where:
        yield where


@pytest.fixture(scope="module", autouse=True)
def node_as_before(place: Site) -> Iterator[None]:
    """Behind a module's attacks the node holds what it held before, and the pools are as full."""
    before = holdings(place)
    yield
    assert not (grown := settled(place, before)), grown


@pytest.fixture(scope="session")
def target(place: Site) -> Target:
    return Target(place)


@pytest.fixture(scope="module")
def addresses(target: Target) -> dict[str, str]:
    """Where a program might call."""
    return target.addresses()
