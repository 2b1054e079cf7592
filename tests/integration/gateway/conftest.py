"""A real gateway on a real socket before a real API server. The tests play the operator."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any

import pytest_asyncio
from support.gateway import Cluster, Gateway, runtime, serving, until

from cloche_api.rest import Rest
from cloche_gateway.kube import KubeClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from support.planes import ControlPlane


@contextlib.asynccontextmanager
async def _namespaces(plane: ControlPlane) -> AsyncIterator[Cluster]:
    """Two namespaces of a gateway's own, with two keys and three languages."""
    rest = await Rest.connect(str(plane.kubeconfig))
    programs, keys = (f"test-{uuid.uuid4().hex[:10]}" for _ in range(2))
    for name in (programs, keys):  # by the API: kubectl takes longer than some of these tests
        await rest.call("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    made = Cluster(rest, programs, keys)
    await made.write_keys(first="acme", other="globex")
    await made.apply_runtime(runtime("python", "main.py", "py", "python3"))
    await made.apply_runtime(runtime("javascript", "main.js", "js", "node"))
    await made.apply_runtime(runtime("bash", "main.sh", "sh"))
    yield made
    await rest.close()


@contextlib.asynccontextmanager
async def _started(
    plane: ControlPlane, cluster: Cluster, **settings: Any
) -> AsyncIterator[Gateway]:
    """A gateway whose watches have begun."""
    client = await KubeClient.connect(str(plane.kubeconfig))
    async with serving(cluster, client, **settings) as gateway:
        await until(
            lambda: gateway.context.readiness.known_problem() is None, "the gateway's watches"
        )
        yield gateway


@pytest_asyncio.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    async with _namespaces(control_plane) as made:
        yield made


@pytest_asyncio.fixture
async def start(control_plane: ControlPlane, cluster: Cluster) -> Callable[..., Any]:
    """Starts a gateway with settings of the test's own."""

    def begin(**settings: Any) -> contextlib.AbstractAsyncContextManager[Gateway]:
        return _started(control_plane, cluster, **settings)

    return begin


@pytest_asyncio.fixture
async def gateway(start: Callable[..., Any]) -> AsyncIterator[Gateway]:
    async with start() as running:
        yield running


@pytest_asyncio.fixture(scope="module")
async def shared_gateway(control_plane: ControlPlane) -> AsyncIterator[Gateway]:
    """One gateway for all tests of a module that leave no trace in it: it refuses what they send.

    Nothing is ever created in its cluster, so that a test sees also what another one has left.
    """
    # More requests than the default allows a key in a minute.
    limits = {"rate_limit_per_minute": 10_000}
    async with (
        _namespaces(control_plane) as made,
        _started(control_plane, made, **limits) as running,
    ):
        yield running
        assert await made.executions() == []
