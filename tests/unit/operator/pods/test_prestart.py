"""The prestart frame is sent once, and only to a supervisor that knows it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from support.data.api_pods import pod, pod_object
from support.deadline import eventually
from support.fixtures.operator.parts import answering, operator_parts

from cloche_api import meta
from cloche_api.resources.runtime import RuntimeSpec
from cloche_operator.pods.sandbox import Sandbox
from cloche_operator.pools.manager import Pools
from cloche_operator.protocol.frame import HELLO, PROTOCOL
from cloche_operator.state.cache import Runtime

POD = pod(labels={meta.LABEL_STATE: meta.STATE_WAITING})
SPEC = {"image": "image", "fileName": "main.py", "run": {"command": ["python3", "main.py"]}}


class Node:
    """An API server with one Pod, which reports these fields when it is ready."""

    def __init__(self, **ready: Any) -> None:
        self._ready = {"seq": 0, "event": "ready", "protocol": PROTOCOL, **ready}
        self.heard = b""
        self.closed = False

    def routes(self) -> list[web.RouteDef]:
        path = "/api/v1/namespaces/sandboxes/pods/sbx-1"
        return [web.get(path, self._get), web.get(f"{path}/attach", self._attach)]

    async def _get(self, _: web.Request) -> web.Response:
        return web.json_response(pod_object())

    async def _attach(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                self.heard += message.data[1:]
                if self.heard == HELLO:
                    await socket.send_bytes(b"\x01" + json.dumps(self._ready).encode() + b"\n")
                if self.heard.endswith(b"close"):
                    await socket.close()
        self.closed = True
        return socket


@asynccontextmanager
async def attached(node: Node, directory: Path) -> AsyncIterator[Sandbox]:
    async with (
        answering(node.routes(), directory) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        ctx.pods.seen(POD)
        runtime = Runtime("python", "uid", 1, RuntimeSpec.model_validate(SPEC))
        sandbox = await Pools(ctx).opened(POD, runtime.default_shape)
        yield sandbox
        await sandbox.close()


async def test_the_frame_is_sent_once(tmp_path: Path) -> None:
    node = Node(prestart=True)
    async with attached(node, tmp_path) as sandbox:
        assert not sandbox.prestarted
        await sandbox.prestart(b"first")
        await sandbox.prestart(b"second")
        assert sandbox.prestarted
    await eventually(lambda: node.closed, "the end of the attach")
    assert node.heard == HELLO + b"first"


@pytest.mark.parametrize("ready", [{}, {"prestart": False}, {"prestart": "yes"}])
async def test_a_supervisor_that_does_not_know_the_frame_gets_none(
    ready: dict[str, Any], tmp_path: Path
) -> None:
    node = Node(**ready)
    async with attached(node, tmp_path) as sandbox:
        await sandbox.prestart(b"first")
        assert not sandbox.prestarted
    await eventually(lambda: node.closed, "the end of the attach")
    assert node.heard == HELLO


async def test_a_runtime_without_processes_sends_none(tmp_path: Path) -> None:
    node = Node(prestart=True)
    async with attached(node, tmp_path) as sandbox:
        await sandbox.prestart(None)
        assert not sandbox.prestarted


async def test_a_connection_that_was_lost_is_not_an_error(tmp_path: Path) -> None:
    node = Node(prestart=True)
    async with attached(node, tmp_path) as sandbox:
        await sandbox.prestart(b"close")
        await eventually(lambda: sandbox.spent, "the loss of the connection")
        sandbox.prestarted = False
        await sandbox.prestart(b"again")
        assert not sandbox.prestarted
