"""When the operator attaches to a Pod, and that the hello is sent only to the created one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from support.data.api_pods import pod, pod_object
from support.fixtures.operator.parts import answering, operator_parts

from cloche_api import meta
from cloche_api.resources.runtime import RuntimeSpec
from cloche_operator.context import Context
from cloche_operator.model.status import EndedError, NeverStartedError
from cloche_operator.pods import start
from cloche_operator.pools.manager import Pools
from cloche_operator.protocol.frame import PROTOCOL
from cloche_operator.state.cache import Runtime

CLAIMED = {meta.LABEL_STATE: meta.STATE_CLAIMED}
POD = pod(uid="first", labels=CLAIMED)
SPEC = {"image": "image", "fileName": "main.py", "run": {"command": ["python3", "main.py"]}}
RUNNING: dict[str, Any] = {"containerStatuses": [{"state": {"running": {}}}]}
STARTED = {"metadata": {}, "reason": "Started", "regarding": {"uid": "first", "name": "sbx-1"}}
NEVER = 3600.0


class Node:
    """An API server with one Pod with this uid. `heard` is what the container received.

    It refuses an attach while the container does not run.
    """

    def __init__(self, uid: str = "first", *, running: bool = True) -> None:
        self._uid = uid
        self.running = running
        self.heard = b""
        self.attempts = 0
        self.refused = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        path = "/api/v1/namespaces/sandboxes/pods/sbx-1"
        return [web.get(path, self._get), web.get(f"{path}/attach", self._attach)]

    async def _get(self, _: web.Request) -> web.Response:
        return web.json_response(pod_object(uid=self._uid))

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        self.attempts += 1
        if not self.running:
            self.refused.set()
            return web.Response(status=500)
        socket = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                self.heard += message.data[1:]
                ready = {"seq": 0, "event": "ready", "protocol": PROTOCOL}
                await socket.send_bytes(b"\x01" + json.dumps(ready).encode() + b"\n")
        return socket


@asynccontextmanager
async def _opening(
    node: Node, directory: Path
) -> AsyncIterator[tuple[Context, asyncio.Task[None]]]:
    """Begin to attach to the Pod; yield the task when it awaits the Pod's start."""
    async with (
        answering(node.routes(), directory) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        ctx.pods.seen(POD)
        runtime = Runtime("python", "uid", 1, RuntimeSpec.model_validate(SPEC))

        async def opened() -> None:
            sandbox = await Pools(ctx).opened(POD, runtime.default_shape)
            await sandbox.close()

        opening = asyncio.create_task(opened())
        await asyncio.sleep(0)
        yield ctx, opening


async def test_the_created_pod_receives_the_hello(tmp_path: Path) -> None:
    node = Node("first")
    async with _opening(node, tmp_path) as (_, opening):
        await opening
    assert node.heard == b"CLO\x01"


async def test_another_pod_with_the_same_name_receives_no_hello(tmp_path: Path) -> None:
    """Another operator leads by then, and has created a Pod with this name."""
    node = Node("second")
    async with _opening(node, tmp_path) as (_, opening):
        with pytest.raises(NeverStartedError):
            await opening
    assert node.heard == b""


async def test_the_kubelets_event_is_followed_by_one_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "_BLIND_SECONDS", (NEVER, NEVER))
    node = Node()
    async with _opening(node, tmp_path) as (ctx, opening):
        ctx.container_starts.changed("ADDED", STARTED)
        await opening
    assert node.attempts == 1


async def test_a_status_that_shows_a_running_container_is_followed_by_an_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Event was dropped: a cluster may limit their rate."""
    monkeypatch.setattr(start, "_BLIND_SECONDS", (NEVER, NEVER))
    node = Node()
    async with _opening(node, tmp_path) as (ctx, opening):
        ctx.pods.seen(pod(RUNNING, uid="first", labels=CLAIMED))
        await opening
    assert node.attempts == 1


async def test_changes_of_a_pod_that_does_not_run_cause_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "_BLIND_SECONDS", (NEVER, NEVER))
    node = Node()
    async with _opening(node, tmp_path) as (ctx, opening):
        for phase in ("", "Pending"):
            ctx.pods.seen(pod({"phase": phase}, uid="first", labels=CLAIMED))
            await asyncio.sleep(0)
        refused = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
        status = {"containerStatuses": [{"state": refused}]}
        ctx.pods.seen(pod(status, uid="first", labels=CLAIMED))
        with pytest.raises(EndedError):
            await opening
    assert node.attempts == 0


async def test_after_a_forged_event_the_kubelets_still_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "_BLIND_SECONDS", (NEVER, NEVER))
    node = Node(running=False)
    async with _opening(node, tmp_path) as (ctx, opening):
        ctx.container_starts.changed("ADDED", STARTED)
        await node.refused.wait()
        node.running = True
        ctx.container_starts.changed("ADDED", STARTED)
        await opening
    assert node.attempts == 2
    assert node.heard == b"CLO\x01"


async def test_without_events_and_status_the_slow_attempts_attach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "_BLIND_SECONDS", (0.0, 0.0))
    node = Node(running=False)
    async with _opening(node, tmp_path) as (_, opening):
        await node.refused.wait()
        node.running = True
        await opening
    assert node.attempts >= 2
