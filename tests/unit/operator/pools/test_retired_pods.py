"""A Pod whose program has ended: its container ends first, and then the Pod is deleted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web
from support.data.api_pods import pod
from support.fixtures.operator.parts import answering, operator_parts

from cloche_api import meta
from cloche_api.resources.runtime import RuntimeSpec
from cloche_operator.context import Context
from cloche_operator.pods import start
from cloche_operator.pools import manager
from cloche_operator.pools.manager import Pools
from cloche_operator.protocol.frame import PROTOCOL
from cloche_operator.state.cache import Runtime

WAITING = {meta.LABEL_STATE: meta.STATE_WAITING}
POD = pod(uid="mine", labels=WAITING)
SPEC = {"image": "image", "fileName": "main.py", "run": {"command": ["python3", "main.py"]}}


class Node:
    """An API server with one Pod. `order` is what happened to it."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.closed = asyncio.Event()
        self.deleted = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        path = "/api/v1/namespaces/sandboxes/pods/sbx-1"
        return [web.get(f"{path}/attach", self._attach), web.delete(path, self._delete)]

    async def _delete(self, _: web.Request) -> web.Response:
        self.order.append("deleted")
        self.deleted.set()
        return web.json_response({"kind": "Status"})

    async def _attach(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                ready = {"seq": 0, "event": "ready", "protocol": PROTOCOL}
                await socket.send_bytes(b"\x01" + json.dumps(ready).encode() + b"\n")
        self.order.append("input closed")
        self.closed.set()
        return socket


@asynccontextmanager
async def _retiring(
    node: Node, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Context, Pools]]:
    """Attach to the Pod and retire it."""
    monkeypatch.setattr(start, "_BLIND_SECONDS", (0.0, 0.0))
    async with (
        answering(node.routes(), directory) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        ctx.pods.seen(POD)
        pools = Pools(ctx)
        runtime = Runtime("python", "uid", 1, RuntimeSpec.model_validate(SPEC))
        pools.retire(await pools.opened(POD, runtime.default_shape))
        yield ctx, pools
        while pools.holds("mine"):  # noqa: ASYNC110  there is no event for it
            await asyncio.sleep(0)


async def test_a_pod_is_deleted_when_its_container_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "_END_SECONDS", 3600.0)
    node = Node()
    async with _retiring(node, tmp_path, monkeypatch) as (ctx, pools):
        await node.closed.wait()
        terminated = {"containerStatuses": [{"state": {"terminated": {"exitCode": 0}}}]}
        ctx.pods.seen(pod({"phase": "Running", **terminated}, uid="mine", labels=WAITING))
        await asyncio.sleep(0)
        assert node.order == ["input closed"], "a container of the Pod may still run"
        assert pools.holds("mine"), "the sweep would delete it otherwise"
        ctx.pods.seen(pod({"phase": "Succeeded", **terminated}, uid="mine", labels=WAITING))
        await node.deleted.wait()
    assert node.order == ["input closed", "deleted"]


async def test_a_pod_that_does_not_end_is_deleted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "_END_SECONDS", 0.0)
    node = Node()
    async with _retiring(node, tmp_path, monkeypatch):
        await node.deleted.wait()


async def test_a_pod_that_is_gone_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "_END_SECONDS", 3600.0)
    node = Node()
    async with _retiring(node, tmp_path, monkeypatch) as (ctx, _):
        await node.closed.wait()
        ctx.pods.seen(POD, deleted=True)
        await node.deleted.wait()  # a request that finds nothing, because a watch may be wrong
