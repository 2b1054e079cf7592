"""A real gateway on a real socket with a real API server. The tests act as the operator."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
import yaml
from support.deadline import eventually
from support.fixtures.gateway import Cluster, Gateway, Start, namespaces, ready, serving, started
from support.fixtures.gateway_process import Program, RunProgram
from support.fixtures.operator.process import free_port
from support.fixtures.relay import Relay

from cloche_gateway.settings import DialectName
from cloche_kube.client import Rest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.fixtures.control_planes import ControlPlane


@pytest_asyncio.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    async with namespaces(control_plane) as made:
        yield made


@pytest_asyncio.fixture
async def start(control_plane: ControlPlane, cluster: Cluster) -> Start:
    """Return a function that starts a gateway with the given settings."""

    def begin(**settings: Any) -> contextlib.AbstractAsyncContextManager[Gateway]:
        return started(control_plane, cluster, **settings)

    return begin


@pytest_asyncio.fixture
async def gateway(start: Start) -> AsyncIterator[Gateway]:
    async with start() as running:
        yield running


@pytest_asyncio.fixture(scope="module")
async def shared_gateway(control_plane: ControlPlane) -> AsyncIterator[Gateway]:
    """A gateway for all tests of a module whose requests are rejected, so that no state remains.

    At the end the fixture checks that no execution was created. A test may also assert it, and then
    also detects executions of other tests.
    """
    # The tests of a module send more requests per minute than the default rate limit allows.
    limits = {"rate_limit_per_minute": 10_000}
    async with (
        namespaces(control_plane) as made,
        started(control_plane, made, **limits) as running,
    ):
        yield running
        assert await made.executions() == []


@pytest_asyncio.fixture
async def relay(control_plane: ControlPlane) -> AsyncIterator[Relay]:
    parts = urlsplit(control_plane.url)
    assert parts.hostname is not None
    assert parts.port is not None
    made = Relay((parts.hostname, parts.port))
    await made.open()
    yield made
    made.held.set()
    await made.away()


@pytest_asyncio.fixture
async def relayed(
    relay: Relay, cluster: Cluster, control_plane: ControlPlane, tmp_path: Path
) -> AsyncIterator[Gateway]:
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{relay.port}"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    client = await Rest.connect(str(path))
    async with serving(cluster, client, api_timeout_seconds=3) as gateway:
        await gateway.until(ready(gateway), "readiness")
        yield gateway


@contextlib.asynccontextmanager
async def _programs(
    control_plane: ControlPlane, cluster: Cluster, folder: Path
) -> AsyncIterator[RunProgram]:
    """Yield a function that starts gateways as processes. They are killed at the end.

    Their log is written to `folder`.
    """
    started: list[Program] = []

    async def begin(**settings: str) -> Program:
        port = free_port()
        env = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(control_plane.kubeconfig),
            "CLOCHE_GATEWAY_NAMESPACE": cluster.namespace,
            "CLOCHE_GATEWAY_KEYS_NAMESPACE": cluster.keys_namespace,
            "CLOCHE_GATEWAY_HOST": "127.0.0.1",
            "CLOCHE_GATEWAY_PORT": str(port),
            "CLOCHE_GATEWAY_SERVICE_HOST": "10.0.0.1",  # as Kubernetes sets it for a Service
            "CLOCHE_GATEWAY_PORT_8002_TCP_ADDR": "10.0.0.1",
            "PYTHONWARNINGS": "error",
            "MALLOC_ARENA_MAX": "2",
            "MALLOC_MMAP_THRESHOLD_": "131072",  # as in the image
            "MALLOC_TRIM_THRESHOLD_": "131072",
            **{f"CLOCHE_GATEWAY_{name.upper()}": value for name, value in settings.items()},
        }
        log = folder / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: ASYNC220  it only forks
                [sys.executable, "-m", "cloche_gateway"], env=env, stdout=out, stderr=out
            )
        headers = {"X-API-Key": cluster.keys["first"]}
        http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60)
        program = Program(process, http, log)
        started.append(program)

        async def ready() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return (await http.get("/health/ready")).status_code == 200
            except httpx.ConnectError:
                return False

        await eventually(ready, "readiness")
        return program

    try:
        yield begin
    finally:
        for program in started:
            await program.http.aclose()
            if program.process.poll() is None:
                program.process.kill()
            program.process.wait()


@pytest_asyncio.fixture
async def run(
    control_plane: ControlPlane, cluster: Cluster, tmp_path: Path
) -> AsyncIterator[RunProgram]:
    async with _programs(control_plane, cluster, tmp_path) as begin:
        yield begin


@pytest_asyncio.fixture(scope="module")
async def shared_program(
    control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Program, Cluster]]:
    """A gateway process for all tests of a module, and its cluster."""
    folder = tmp_path_factory.mktemp("gateway")
    async with (
        namespaces(control_plane) as made,
        _programs(control_plane, made, folder) as begin,
    ):
        yield await begin(dialects=",".join(DialectName)), made
