"""The API server is unreachable, freezes, or loses a response. The gateway reports it and recovers.

The gateway connects to the real API server through a relay, which drops or delays connections.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import yaml
from support.fixtures.gateway import bound_executions, ready, serving

from cloche_kube.client import Rest

if TYPE_CHECKING:
    from pathlib import Path

    from support.fixtures.control_planes import ControlPlane
    from support.fixtures.gateway import Cluster, Gateway
    from support.fixtures.relay import Relay

HELLO = {"code": "print(1)", "language": "python"}
BUSY = "Service busy. Please try again later."


async def test_the_gateway_is_not_ready_without_the_api_server_and_recovers(
    relayed: Gateway, relay: Relay
) -> None:
    await relay.away()
    for path in ("/api/v1/execute", "/api/v1/execute/status/550e8400-e29b-41d4-a716-446655440000"):
        method = "POST" if path.endswith("execute") else "GET"
        answer = await relayed.http.request(method, path, json=HELLO)
        assert (answer.status_code, answer.json()["detail"]) == (503, BUSY)
        assert int(answer.headers["Retry-After"]) > 0
    not_ready = await relayed.http.get("/health/ready")
    assert not_ready.status_code == 503
    assert "API server" in not_ready.json()["problem"]
    assert (await relayed.http.get("/health/live")).status_code == 200
    assert (await relayed.http.get("/api/v1/execute/health")).json()["status"] == "degraded"
    assert (await relayed.http.get("/health", headers={"X-API-Key": ""})).status_code == 200

    await relay.open()
    await relayed.until(ready(relayed), "readiness again")
    assert (await relayed.run(HELLO)).status_code == 200
    assert len(await relayed.cluster.executions()) == 1


async def test_a_client_gets_a_result_recorded_while_the_gateway_was_disconnected(
    relayed: Gateway, relay: Relay
) -> None:
    asked = asyncio.create_task(relayed.http.post("/api/v1/execute", json=HELLO))
    name = (await relayed.cluster.pending())["metadata"]["name"]
    await relay.away()
    await relayed.cluster.end(name)
    await relay.open()
    answer = await asked
    assert (answer.status_code, answer.json()["execution_id"]) == (200, name)


async def test_broken_watches_are_reconnected(relayed: Gateway, relay: Relay) -> None:
    for _ in range(3):
        relay.break_connections()
        assert (await relayed.run(HELLO)).status_code == 200


async def test_a_create_whose_response_was_lost_creates_one_execution(
    relayed: Gateway, relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    # Opens a kept-alive connection, so that the response that is lost is that of the create.
    await relayed.http.get(f"/api/v1/execute/status/{'0' * 8}-0000-0000-0000-{'0' * 12}")
    relay.lose = 1
    answer = await relayed.run(HELLO)
    assert answer.status_code == 200
    assert relay.lose == 0
    assert caplog.text.count("create of SandboxExecution") == 1
    assert len(await relayed.cluster.executions()) == 1


async def test_a_create_that_filled_the_quota_before_its_response_was_lost_succeeds(
    relayed: Gateway, relay: Relay
) -> None:
    """The retry is forbidden by the quota, but the first attempt created the execution."""
    await relayed.http.get(f"/api/v1/execute/status/{'0' * 8}-0000-0000-0000-{'0' * 12}")
    await bound_executions(relayed.cluster, 1)
    relay.lose = 1
    answer = await relayed.run(HELLO)
    assert (answer.status_code, relay.lose) == (200, 0)
    assert len(await relayed.cluster.executions()) == 1
    assert (await relayed.http.post("/api/v1/execute", json=HELLO)).status_code == 503


async def test_an_execution_whose_create_is_never_answered_is_cancelled(
    relayed: Gateway, relay: Relay
) -> None:
    await relayed.http.get(f"/api/v1/execute/status/{'0' * 8}-0000-0000-0000-{'0' * 12}")
    relay.lose = 10_000
    answer = await relayed.http.post("/api/v1/execute", json=HELLO)
    assert (answer.status_code, answer.json()["detail"]) == (503, BUSY)
    relay.lose = 0
    (execution,) = await relayed.cluster.executions()
    assert execution["metadata"]["name"] == answer.json()["execution_id"]

    async def cancelled() -> bool:
        stored = await relayed.cluster.read(execution["metadata"]["name"])
        return bool(stored["spec"]["cancel"])

    await relayed.until(cancelled, "the cancel")


async def test_the_gateway_is_not_ready_while_the_api_server_is_frozen_and_recovers(
    relayed: Gateway, relay: Relay
) -> None:
    asked = asyncio.create_task(relayed.http.post("/api/v1/execute", json=HELLO))
    name = (await relayed.cluster.pending())["metadata"]["name"]
    relay.held.clear()
    await relayed.cluster.end(name)
    await relayed.until(ready(relayed, expected=503), "the gateway to be not ready")
    relay.held.set()
    assert (await asked).status_code == 200
    await relayed.until(ready(relayed), "readiness again")


async def test_a_gateway_started_without_an_api_server_is_not_ready_and_recovers(
    relay: Relay, cluster: Cluster, control_plane: ControlPlane, tmp_path: Path
) -> None:
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{relay.port}"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    await relay.away()
    client = await Rest.connect(str(path))
    async with serving(cluster, client) as gateway:
        assert (await gateway.http.get("/health/ready")).status_code == 503
        answer = await gateway.http.post("/api/v1/execute", json=HELLO)
        assert (answer.status_code, answer.json()["detail"]) == (503, BUSY)
        await relay.open()
        await gateway.until(ready(gateway), "readiness")
        assert (await gateway.run(HELLO)).status_code == 200
