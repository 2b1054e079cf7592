"""A real gateway with a real API server for the client. The tests act as the operator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from support.fixtures.control_planes import ControlPlane
from support.fixtures.gateway import Gateway, namespaces, started

from cloche_client import AsyncClient, Client
from cloche_client.settings import Settings


@pytest_asyncio.fixture
async def gateway(control_plane: ControlPlane) -> AsyncIterator[Gateway]:
    async with namespaces(control_plane) as made, started(control_plane, made) as running:
        yield running


@pytest.fixture
def settings(gateway: Gateway) -> Settings:
    return Settings(gateway.url, gateway.cluster.keys["first"])


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with Client(settings=settings) as made:
        yield made


@pytest_asyncio.fixture
async def aclient(settings: Settings) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(settings=settings) as made:
        yield made
