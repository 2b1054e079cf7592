"""The end of a session: by itself, at its timeout, and with its Pod."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from support.data.api_pods import pod, pod_object
from support.data.manifests import RUNTIME
from support.fixtures.operator.parts import answering, operator_parts

from cloche_api.resources.phases import Reason
from cloche_api.resources.session import SessionPhase, SessionSpec
from cloche_api.resources.typed_objects import ExecutionDict
from cloche_operator.model.execution import Execution, from_object, now, timestamp
from cloche_operator.model.node import Node
from cloche_operator.model.session import SessionObject, pod_fields
from cloche_operator.model.status import EndedError
from cloche_operator.pools.manager import Pools
from cloche_operator.protocol.frame import PROTOCOL
from cloche_operator.sessions.session import Session

BOUND_SECONDS = 20.0


class ApiServer:
    """An API server whose Pods have a supervisor. It records the statuses sent to it.

    `ready`: whether the supervisor answers. `attached` is set when the operator has attached, and
    `reported` when it has written a status. `actions`: those that the supervisor reports.
    """

    def __init__(self, *, ready: bool = True, actions: object = None) -> None:
        self._ready = ready
        self.actions = actions
        self.attached = asyncio.Event()
        self.reported = asyncio.Event()
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
        created = await request.json()
        self.pods.append(created["metadata"]["name"])
        created["metadata"] |= {"uid": "uid-of-pod", "creationTimestamp": timestamp(now())}
        return web.json_response(created)

    async def _attach(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
        await socket.prepare(request)
        await socket.receive_bytes()
        self.attached.set()
        ready = {"seq": 0, "event": "ready", "protocol": PROTOCOL, "actions": self.actions}
        if self._ready:
            await socket.send_bytes(b"\x01" + json.dumps(ready).encode() + b"\n")
        await socket.receive()  # the end of the connection
        return socket

    async def _get(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.json_response(pod_object(name=name))

    async def _delete(self, request: web.Request) -> web.Response:
        self.pods.remove(request.match_info["name"])
        return web.json_response({})

    async def _patch(self, request: web.Request) -> web.Response:
        self.statuses.append((await request.json())["status"])
        self.reported.set()
        return web.json_response({})


def test_the_lifetime_of_a_session_counts_from_the_moment_that_it_is_ready() -> None:
    obj = SessionObject(
        name="ses-1",
        uid="uid-of-session",
        deleted=False,
        spec=SessionSpec.model_validate({"language": "python", "lifetimeSeconds": 1}),
        phase=SessionPhase.PENDING,
    )
    ready = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
    end = datetime(2026, 1, 1, 12, 0, 31, tzinfo=UTC)
    assert obj.expires_at(ready, ready) == end
    assert obj.timeout_at(ready, end)[0] == "LifetimeExceeded"


def test_the_status_of_a_session_keeps_the_node_of_a_pod_that_is_no_longer_known() -> None:
    """A field that is null in a merge patch is removed, one that is absent stays."""
    fields = pod_fields(pod(name="sbx-1"), None)
    assert fields == {"podName": "sbx-1", "podUID": "uid-of-pod"}
    assert pod_fields(pod(), "node-1")["nodeName"] == "node-1"


@asynccontextmanager
async def new_session(server: ApiServer, directory: Path, **spec: int) -> AsyncIterator[Session]:
    """Yield a session that is not started yet."""
    async with (
        answering(server.routes, directory) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
        asyncio.timeout(BOUND_SECONDS),
    ):
        ctx.runtimes.seen(RUNTIME)
        ctx.capacity.set_nodes({"": [Node(memory=2**37, cpu=64_000, labels={}, taints=())]})
        obj = SessionObject(
            name="ses-1",
            uid="uid-of-session",
            deleted=False,
            spec=SessionSpec.model_validate({"language": "python", **spec}),
            phase=SessionPhase.PENDING,
        )
        yield Session(ctx, Pools(ctx), obj)


async def test_a_session_that_ends_while_its_pod_starts_deletes_the_pod(tmp_path: Path) -> None:
    server = ApiServer(ready=False)
    async with new_session(server, tmp_path) as session:
        running = asyncio.create_task(session.run())
        await server.attached.wait()
        assert server.pods == ["sbx-uid-of-session"]
        session.end("Deleted", "The session was deleted.")
        await running
    assert server.pods == []
    assert [(status["phase"], status["podName"]) for status in server.statuses] == [
        ("Ended", "sbx-uid-of-session")
    ]


@pytest.mark.parametrize(
    ("idle", "lifetime", "reason"), [(1, 600, "IdleTimeout"), (600, 1, "LifetimeExceeded")]
)
async def test_a_session_ends_at_its_timeout_and_its_pod_is_deleted(
    tmp_path: Path, idle: int, lifetime: int, reason: str
) -> None:
    server = ApiServer()
    spec = {"idleTimeoutSeconds": idle, "lifetimeSeconds": lifetime}
    async with new_session(server, tmp_path, **spec) as session:
        await session.run()
    told = [(status["phase"], status["reason"]) for status in server.statuses]
    assert told == [("Ready", "PodReady"), ("Ended", reason)]
    assert server.pods == []


def extended(session: Session, generation: int, **spec: int) -> SessionObject:
    """Return the session's object after a change of its spec."""
    changed = SessionSpec.model_validate({"language": "python", **spec})
    return dataclasses.replace(session.obj, spec=changed, generation=generation)


async def next_status(server: ApiServer) -> dict[str, Any]:
    server.reported.clear()
    await server.reported.wait()
    return server.statuses[-1]


async def test_a_session_takes_over_new_times_and_reports_their_generation(
    tmp_path: Path,
) -> None:
    server = ApiServer()
    async with new_session(server, tmp_path, lifetimeSeconds=600) as session:
        running = asyncio.create_task(session.run())
        first = await next_status(server)
        session.changed(extended(session, 2, lifetimeSeconds=3600, idleTimeoutSeconds=3000))
        second = await next_status(server)
        assert (first["observedGeneration"], second["observedGeneration"]) == (0, 2)
        lives = [datetime.fromisoformat(one["expiresAt"]) for one in (first, second)]
        assert (lives[1] - lives[0]).total_seconds() == 3000 - 600
        session.changed(extended(session, 1, lifetimeSeconds=1))  # an older event
        session.changed(extended(session, 3, lifetimeSeconds=1))
        await running
    assert {one["phase"] for one in server.statuses[:-1]} == {"Ready"}
    assert server.statuses[-1]["reason"] == "LifetimeExceeded"


@pytest.mark.parametrize("actions", [None, [], "ListFiles", [["ListFiles"]], ["CopyFiles"]])
async def test_an_action_that_the_supervisor_does_not_know_is_refused_and_the_session_continues(
    tmp_path: Path, actions: object
) -> None:
    server = ApiServer(actions=actions)
    async with new_session(server, tmp_path) as session:
        running = asyncio.create_task(session.run())
        await next_status(server)
        assert session.runtime is not None
        spec = {"language": "python", "session": "ses-1", "action": "ListFiles"}
        for _ in range(2):  # the refused one has passed on its turn
            with pytest.raises(EndedError, match=r"^spec.action: python has an image") as raised:
                await session.take_turn(session.runtime, execution(spec), lambda: None)
            assert raised.value.reason is Reason.INVALID_SPEC
        turn = await session.take_turn(
            session.runtime, execution(spec | {"action": None, "code": ""}), lambda: None
        )
        assert turn.used == session.used
        session.end("Deleted", "The session was deleted.")
        await running


async def test_an_action_that_the_supervisor_knows_gets_its_turn(tmp_path: Path) -> None:
    server = ApiServer(actions=["ListFiles", "SomethingNewer"])
    async with new_session(server, tmp_path) as session:
        running = asyncio.create_task(session.run())
        await next_status(server)
        assert session.runtime is not None
        spec = {"language": "python", "session": "ses-1", "action": "ListFiles"}
        await session.take_turn(session.runtime, execution(spec), lambda: None)
        session.end("Deleted", "The session was deleted.")
        await running


def execution(spec: dict[str, Any]) -> Execution:
    metadata = {
        "name": "one",
        "uid": "uid-of-execution",
        "resourceVersion": "1",
        "creationTimestamp": timestamp(now()),
    }
    return from_object(cast("ExecutionDict", {"metadata": metadata, "spec": spec}))
