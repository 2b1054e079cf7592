"""An execution that names the Pod of its session gets that Pod without a claim."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.data.manifests import SESSION
from support.fixtures.operator.pod_api_server import ApiServer, at_work

from cloche_api.resources.typed_objects import ExecutionDict
from cloche_operator.executions import named_pod
from cloche_operator.executions.dispatcher import Dispatcher

POD = {"name": "sbx-uid-of-session", "uid": "pod-sbx-uid-of-session"}


def execution(name: str, of: ExecutionDict) -> ExecutionDict:
    """Return an execution in the session that names the session's Pod."""
    obj = copy.deepcopy(of)
    obj["metadata"]["name"], obj["metadata"]["uid"] = name, f"uid-{name}"
    obj["spec"] |= {"session": "sbs-1", "waitingPod": {"name": POD["name"], "uid": POD["uid"]}}
    return obj


@asynccontextmanager
async def session(server: ApiServer, directory: Path) -> AsyncIterator[Dispatcher]:
    """Yield a dispatcher, with a session that is ready."""
    async with at_work(server, directory) as (_, _, sessions, dispatcher):
        sessions.observe(SESSION)
        assert await server.sessions.get() == ("Ready", POD["uid"])
        yield dispatcher


async def test_an_execution_is_written_only_at_its_end(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    obj = execution("first", execution_object)
    server = ApiServer([obj], {})
    server.may_end.release()
    async with session(server, tmp_path) as dispatcher:
        dispatcher.observe(obj)
        await server.frames.get()
        final = await server.writes.get()
    assert server.writes.empty()
    assert (final["phase"], final["podUID"], final["warm"]) == ("Completed", POD["uid"], True)


async def test_an_execution_that_waits_for_its_turn_is_refused_and_claimed(
    tmp_path: Path, execution_object: ExecutionDict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_pod, "_REFUSAL_SECONDS", 0.0)
    objects = [execution(name, execution_object) for name in ("first", "second")]
    server = ApiServer(objects, {})
    async with session(server, tmp_path) as dispatcher:
        for obj in objects:
            dispatcher.observe(obj)
        await server.frames.get()
        seen = [await server.writes.get(), await server.writes.get()]
        assert {"waitingPodRefused": True} in seen
        for _ in objects:
            server.may_end.release()
        await server.frames.get()
    assert server.ended == ["first", "second"]


async def test_a_cancelled_execution_gives_its_turn_back(
    tmp_path: Path, execution_object: ExecutionDict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cancelled while the refusal of its Pod is written."""
    monkeypatch.setattr(named_pod, "_REFUSAL_SECONDS", 0.0)
    objects = [execution(name, execution_object) for name in ("first", "second", "third")]
    server = ApiServer(objects, {})
    refusals = server.held["waitingPodRefused"] = asyncio.Event()
    async with session(server, tmp_path) as dispatcher:
        for obj in objects[:2]:
            dispatcher.observe(obj)
        await server.frames.get()
        for _ in objects:
            server.may_end.release()
        while server.ended != ["first"]:  # noqa: ASYNC110  there is no event for it
            await asyncio.sleep(0.01)
        cancelled = copy.deepcopy(objects[1])
        cancelled["spec"]["cancel"] = True
        dispatcher.observe(cancelled)
        refusals.set()
        dispatcher.observe(objects[2])
        frame = await server.frames.get()
    assert frame["execution"] == "uid-third"
    assert server.reasons == ["Exited", "Cancelled", "Exited"]
