"""Clients without a key, and with the key of another tenant."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from support.clients.api_keys import extra_key
from support.clients.kubectl import InstallationKubectl
from support.fixtures.installation import Installation


@pytest.fixture(scope="module")
def anonymous(installation: Installation) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=installation.url, timeout=150) as client:
        yield client


@pytest.fixture(scope="module")
def other(installation: Installation, kubectl: InstallationKubectl) -> Iterator[httpx.Client]:
    """Another tenant's key."""
    with (
        extra_key(kubectl, tenant="other") as key,
        httpx.Client(base_url=installation.url, headers={"X-API-Key": key}, timeout=150) as client,
    ):
        yield client
