"""The end of a session: by itself, at its timeout, and with its Pod."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.fixtures.operator_parts import answering, operator_parts

from cloche_api.resources.session import SessionPhase, SessionSpec
from cloche_operator.model.execution import now, timestamp
from cloche_operator.model.node import Node
from cloche_operator.model.session import SessionObject
from cloche_operator.pools.manager import Pools
from cloche_operator.protocol.frame import PROTOCOL
from cloche_operator.sessions.session import Session

BOUND_SECONDS = 20.0
RUNTIME: dict[str, Any] = {
    "metadata": {"name": "python", "uid": "uid-of-python", "generation": 1},
    "spec": {
        "image": "cloche/runtime-python:dev",
        "fileName": "main.py",
        "run": {"command": ["python3", "main.py"]},
    },
}


class ApiServer:
    """An API server whose Pods have a ready supervisor. It records the statuses sent to it."""

    def __init__(self) -> None:
        self.pods: list[str] = []
        self.statuses: list[dict[str, Any]] = []
        pods = "/api/v1/namespaces/sandboxes/pods"
        sessions = "/apis/cloche.dev/v1alpha1/namespaces/sandboxes/sandboxsessions"
        self.routes = [
            web.post(pods, self._create),
            web.get(f"{pods}/{{name}}/attach", self._attach),
            web.get(f"{pods}/{{name}}", self._get),
            web.delete(f"{pods}/{{name}}", self._delete),
            web.patch(f"{sessions}/{{name}}/status", self._patch),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        pod = await request.json()
        self.pods.append(pod["metadata"]["name"])
        pod["metadata"] |= {"uid": "uid-of-pod", "creationTimestamp": timestamp(now())}
        return web.json_response(pod)

    async def _attach(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
        await socket.prepare(request)
        await socket.receive_bytes()
        ready = {"seq": 0, "event": "ready", "protocol": PROTOCOL}
        await socket.send_bytes(b"\x01" + json.dumps(ready).encode() + b"\n")
        await socket.receive()  # the end of the connection
        return socket

    async def _get(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.json_response({"metadata": {"name": name, "uid": "uid-of-pod"}})

    async def _delete(self, request: web.Request) -> web.Response:
        self.pods.remove(request.match_info["name"])
        return web.json_response({})

    async def _patch(self, request: web.Request) -> web.Response:
        self.statuses.append((await request.json())["status"])
        return web.json_response({})


@pytest.mark.parametrize(
    ("idle", "lifetime", "reason"), [(1, 600, "IdleTimeout"), (600, 1, "LifetimeExceeded")]
)
async def test_a_session_ends_at_its_timeout_and_its_pod_is_deleted(
    tmp_path: Path, idle: int, lifetime: int, reason: str
) -> None:
    spec = {"language": "python", "idleTimeoutSeconds": idle, "lifetimeSeconds": lifetime}
    server = ApiServer()
    async with (
        answering(server.routes, tmp_path) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
        asyncio.timeout(BOUND_SECONDS),
    ):
        ctx.runtimes.seen(RUNTIME)
        ctx.capacity.set_nodes({"": [Node(memory=2**37, cpu=64_000, labels={}, taints=())]})
        obj = SessionObject(
            name="ses-1",
            uid="uid-of-session",
            created=now(),
            deleted=False,
            spec=SessionSpec.model_validate(spec),
            phase=SessionPhase.PENDING,
        )
        await Session(ctx, Pools(ctx), obj).run()
    told = [(status["phase"], status["reason"]) for status in server.statuses]
    assert told == [("Ready", "PodReady"), ("Ended", reason)]
    assert server.pods == []
