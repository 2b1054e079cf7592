"""The hello is sent only to the created Pod, not to a newer Pod with its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from support.fixtures.operator_parts import answering, operator_parts

from cloche_api import meta
from cloche_api.resources.runtime import RuntimeSpec
from cloche_operator.model.status import NeverStartedError
from cloche_operator.pools.manager import Pools
from cloche_operator.protocol.frame import PROTOCOL
from cloche_operator.state.cache import Runtime

POD: dict[str, Any] = {
    "metadata": {
        "name": "sbx-1",
        "uid": "first",
        "labels": {meta.LABEL_STATE: meta.STATE_CLAIMED},
    },
    "spec": {},
}
SPEC = {"image": "image", "fileName": "main.py", "run": {"command": ["python3", "main.py"]}}


class Node:
    """An API server with one Pod with this uid. `heard` is what the container received."""

    def __init__(self, uid: str) -> None:
        self._uid = uid
        self.heard = b""

    def routes(self) -> list[web.RouteDef]:
        pod = "/api/v1/namespaces/sandboxes/pods/sbx-1"
        return [web.get(pod, self._get), web.get(f"{pod}/attach", self._attach)]

    async def _get(self, _: web.Request) -> web.Response:
        return web.json_response({"metadata": {"name": "sbx-1", "uid": self._uid}})

    async def _attach(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                self.heard += message.data[1:]
                ready = {"seq": 0, "event": "ready", "protocol": PROTOCOL}
                await socket.send_bytes(b"\x01" + json.dumps(ready).encode() + b"\n")
        return socket


async def _opened(node: Node, directory: Path) -> None:
    async with (
        answering(node.routes(), directory) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        ctx.pods.seen(POD)
        runtime = Runtime("python", "uid", 1, RuntimeSpec.model_validate(SPEC))
        sandbox = await Pools(ctx).opened(POD, runtime.default_shape)
        await sandbox.close()


async def test_the_created_pod_receives_the_hello(tmp_path: Path) -> None:
    node = Node("first")
    await _opened(node, tmp_path)
    assert node.heard == b"CLO\x01"


async def test_another_pod_with_the_same_name_receives_no_hello(tmp_path: Path) -> None:
    """Another operator leads by then, and has created a Pod with this name."""
    node = Node("second")
    with pytest.raises(NeverStartedError):
        await _opened(node, tmp_path)
    assert node.heard == b""
