"""An execution that has waited gets its complete input, although the operator had dropped it."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from support.data.manifests import RUNTIME
from support.data.supervisor_events import exit_event
from support.fixtures.operator_parts import answering, operator_parts

from cloche_api.accounting.size import object_bytes
from cloche_api.resources.phases import TERMINAL
from cloche_api.resources.typed_objects import ExecutionDict, SessionDict
from cloche_operator.context import Context
from cloche_operator.executions.dispatcher import Dispatcher
from cloche_operator.model.execution import now, timestamp
from cloche_operator.model.node import Node
from cloche_operator.pools.manager import Pools
from cloche_operator.protocol.frame import PROTOCOL
from cloche_operator.sessions.registry import Sessions

BOUND_SECONDS = 30.0
SESSION: SessionDict = {
    "metadata": {
        "name": "sbs-1",
        "uid": "uid-of-session",
        "resourceVersion": "1",
        "creationTimestamp": timestamp(now()),
    },
    "spec": {"language": "python"},
}


class ApiServer:
    """An API server whose Pods take one frame each. They end when the test allows it."""

    def __init__(self, executions: list[ExecutionDict], sources: dict[str, dict[str, Any]]) -> None:
        self.executions = {obj["metadata"]["name"]: obj for obj in executions}
        self.sources = sources
        self.read: list[str] = []
        self.frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.may_end = asyncio.Semaphore(0)
        self.pods: dict[str, dict[str, Any]] = {}
        self.deleted: set[str] = set()
        self.ended: list[str] = []
        self.reasons: list[str] = []
        core = "/api/v1/namespaces/sandboxes/pods"
        cloche = "/apis/cloche.dev/v1alpha1/namespaces/sandboxes/sandboxexecutions"
        sessions = "/apis/cloche.dev/v1alpha1/namespaces/sandboxes/sandboxsessions"
        source = "/apis/cloche.dev/v1alpha1/namespaces/sandboxes/sandboxsources/{name}"
        leases = "/apis/coordination.k8s.io/v1/namespaces/sandboxes/leases"
        self.routes = [
            web.get(f"{leases}/{{name}}", self._lease),
            web.put(f"{leases}/{{name}}", self._lease),
            web.post(core, self._create),
            web.get(f"{core}/{{name}}/attach", self._attach),
            web.get(f"{core}/{{name}}", self._pod),
            web.patch(f"{core}/{{name}}", self._nothing),
            web.delete(f"{core}/{{name}}", self._delete_pod),
            web.get(f"{cloche}/{{name}}", self._read),
            web.patch(f"{cloche}/{{name}}/status", self._patch),
            web.get(source, self._source),
            web.delete(source, self._delete_source),
            web.patch(f"{sessions}/{{name}}/status", self._nothing),
        ]

    async def _lease(self, _: web.Request) -> web.Response:
        return web.json_response({"metadata": {"name": "l", "resourceVersion": "1"}, "spec": {}})

    async def _nothing(self, _: web.Request) -> web.Response:
        return web.json_response({})

    async def _create(self, request: web.Request) -> web.Response:
        pod = await request.json()
        name = pod["metadata"]["name"]
        pod["metadata"] |= {"uid": f"pod-{name}", "creationTimestamp": timestamp(now())}
        self.pods[name] = pod
        return web.json_response(pod)

    async def _pod(self, request: web.Request) -> web.Response:
        return web.json_response(self.pods[request.match_info["name"]])

    async def _delete_pod(self, request: web.Request) -> web.Response:
        self.deleted.add(request.match_info["name"])
        return web.json_response({})

    async def _read(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.read.append(name)
        return web.json_response(self.executions[name])

    async def _source(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.sources:
            return web.json_response({"reason": "NotFound"}, status=404)
        return web.json_response({"spec": self.sources[name]})

    async def _delete_source(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.sources:
            return web.json_response({"reason": "NotFound"}, status=404)
        assert self.sources.pop(name)["execution"] in self.ended
        return web.json_response({})

    async def _patch(self, request: web.Request) -> web.Response:
        name, status = request.match_info["name"], (await request.json())["status"]
        if status["phase"] in TERMINAL:
            self.ended.append(name)
            self.reasons.append(status["reason"])
        return web.json_response({"metadata": {"resourceVersion": "2"}})

    async def _attach(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
        await socket.prepare(request)
        await socket.receive_bytes()  # the hello
        await _say(socket, {"seq": 0, "event": "ready", "protocol": PROTOCOL})
        seq = 1
        while (frame := await _frame(socket)) is not None:
            of = {"execution": frame["execution"], "time": now().timestamp()}
            await _say(socket, {"seq": seq, "event": "started", "stage": "run", **of})
            await self.frames.put(frame)
            await self.may_end.acquire()
            await _say(socket, exit_event(seq=seq + 1, **of))
            if frame["afterwards"] == "keepFiles":
                await _say(socket, {"seq": seq + 2, "event": "ready", "protocol": PROTOCOL})
            seq += 3
        return socket


async def _frame(socket: web.WebSocketResponse) -> dict[str, Any] | None:
    """Return the next frame, or None at the end of the connection."""
    sent = b""
    while len(sent) < 4 or len(sent) < 4 + int.from_bytes(sent[:4], "big"):
        message = await socket.receive()
        if message.type is not WSMsgType.BINARY:
            return None
        sent += message.data[1:]
    frame: dict[str, Any] = json.loads(sent[4:])
    return frame


async def _say(socket: web.WebSocketResponse, event: dict[str, Any]) -> None:
    await socket.send_bytes(b"\x01" + json.dumps(event).encode() + b"\n")


@asynccontextmanager
async def at_work(
    server: ApiServer, directory: Path
) -> AsyncIterator[tuple[Context, Sessions, Dispatcher]]:
    """Yield the parts of an operator that leads. At the end of the block all executions end."""
    async with (
        answering(server.routes, directory) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
        asyncio.timeout(BOUND_SECONDS),
        asyncio.TaskGroup() as group,
    ):
        await ctx.lease.acquire()
        keeping = group.create_task(ctx.lease.keep())
        ctx.runtimes.seen(RUNTIME)
        ctx.capacity.set_nodes({"": [Node(memory=2**30, cpu=64_000, labels={}, taints=())]})
        pools = Pools(ctx)
        sessions = Sessions(ctx, pools)
        dispatcher = Dispatcher(ctx, pools, sessions)
        yield ctx, sessions, dispatcher
        await dispatcher.drain(BOUND_SECONDS)
        sessions.stop()
        await pools.close()
        keeping.cancel()


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("session", [None, "sbs-1"])
async def test_an_execution_that_waited_receives_its_complete_input(
    tmp_path: Path, execution_object: ExecutionDict, session: str | None, *, separate: bool
) -> None:
    executions, sources = [], {}
    for name in ("first", "second"):
        obj = copy.deepcopy(execution_object)
        obj["metadata"]["name"], obj["metadata"]["uid"] = name, f"uid-{name}"
        given: dict[str, Any] = {"code": f"# {name}", "stdin": name * 40_000}
        obj["spec"]["outputFiles"] = ["*.txt"]
        if separate:
            source = f"{name}-0123abcd"
            sources[source] = {"execution": name, **given}
            del obj["spec"]["code"]
            obj["spec"]["source"] = {"name": source, "bytes": object_bytes(sources[source])}
        else:
            obj["spec"]["code"], obj["spec"]["stdin"] = given["code"], given["stdin"]
        if session is not None:
            obj["spec"]["session"] = session
        executions.append(obj)
    server = ApiServer(executions, sources)
    async with at_work(server, tmp_path) as (ctx, sessions, dispatcher):
        if session is not None:
            sessions.observe(SESSION)
        for obj in executions:
            dispatcher.observe(obj)
        first = await server.frames.get()
        assert len(ctx.capacity.waitlist) == 1
        # Neither the waiting execution nor the running one keeps its input.
        while ctx.budget.used:  # noqa: ASYNC110  there is no event for it
            await asyncio.sleep(0)
        server.may_end.release()
        second = await server.frames.get()
        server.may_end.release()
    for frame, name in ((first, "first"), (second, "second")):
        assert frame["files"] == [{"path": "main.py", "text": f"# {name}"}]
        assert (frame["stdin"], frame["output_files"]) == (name * 40_000, ["*.txt"])
    assert server.ended == ["first", "second"]
    assert "second" in server.read
    assert server.sources == {}


async def test_an_execution_that_lost_its_source_ends_without_a_program(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    del execution_object["spec"]["code"]
    execution_object["spec"]["source"] = {"name": "hello-0123abcd", "bytes": 100}
    server = ApiServer([execution_object], {})
    async with at_work(server, tmp_path) as (_, _, dispatcher):
        dispatcher.observe(execution_object)
    assert (server.ended, server.reasons) == (["hello"], ["SourceLost"])
    assert server.frames.empty()
    assert server.deleted == server.pods.keys()
