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


@pytest_asyncio.fixture
async def cluster(control_plane: Any) -> AsyncIterator[Cluster]:
    rest = await Rest.connect(str(control_plane.kubeconfig))
    namespaces = [f"test-{uuid.uuid4().hex[:10]}" for _ in range(2)]
    for name in namespaces:  # by the API, for kubectl takes longer than some of these tests
        await rest.call("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    made = Cluster(rest, *namespaces)
    await made.write_keys(first="acme", other="globex")
    await made.apply_runtime(runtime("python", "main.py", "py", "python3"))
    await made.apply_runtime(runtime("javascript", "main.js", "js", "node"))
    await made.apply_runtime(runtime("bash", "main.sh", "sh"))
    yield made
    await rest.close()


@pytest_asyncio.fixture
async def start(control_plane: Any, cluster: Cluster) -> Callable[..., Any]:
    """Starts a gateway with settings of the test's own."""

    @contextlib.asynccontextmanager
    async def begin(**settings: Any) -> AsyncIterator[Gateway]:
        client = await KubeClient.connect(str(control_plane.kubeconfig))
        async with serving(cluster, client, **settings) as gateway:
            await until(
                lambda: gateway.context.readiness.known_problem() is None, "the gateway's watches"
            )
            yield gateway

    return begin


@pytest_asyncio.fixture
async def gateway(start: Callable[..., Any]) -> AsyncIterator[Gateway]:
    async with start() as running:
        yield running
