"""An execution that names a waiting Pod gets that Pod at once, or another one after a write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from support.data.api_pods import pod_object
from support.data.manifests import RUNTIME
from support.deadline import settled
from support.fixtures.operator.pod_api_server import ApiServer, at_work

from cloche_api.resources.typed_objects import ExecutionDict, RuntimeDict
from cloche_operator.executions import named_pod
from cloche_operator.executions.dispatcher import Dispatcher
from cloche_operator.executions.lifecycle import Run
from cloche_operator.pods.sandbox import Sandbox
from cloche_operator.pools import manager
from cloche_operator.pools.filler import Filler

UNWRITTEN_SECONDS = 0.3
"""A write that does not wait would be made within this time."""


def pooled(size: int) -> RuntimeDict:
    spec = cast("dict[str, Any]", RUNTIME["spec"]) | {"pool": {"size": size}}
    return cast("RuntimeDict", {**RUNTIME, "spec": spec})


@asynccontextmanager
async def waiting(
    server: ApiServer, directory: Path, adopted: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Dispatcher, Sandbox]]:
    """Yield a dispatcher, and the Pod that waits in the pool."""
    async with at_work(server, directory, pooled(1), adopted) as (ctx, pools, _, dispatcher):
        filling = asyncio.create_task(Filler(ctx, pools).fill_for_ever())
        pool = pools.of("python")
        assert pool is not None
        while not pool.waiting:  # noqa: ASYNC110  there is no event for it
            await asyncio.sleep(0.01)
        filling.cancel()
        yield dispatcher, pool.waiting[0]


def name(obj: ExecutionDict, pod: str, uid: str) -> None:
    obj["spec"]["waitingPod"] = {"name": pod, "uid": uid}


async def test_a_new_execution_gets_the_waiting_pod_that_it_names_without_a_claim(
    tmp_path: Path, execution_object: ExecutionDict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "_END_SECONDS", 0.0)  # the Pod's phase never changes
    server = ApiServer([execution_object], {})
    server.may_end.release()
    async with waiting(server, tmp_path) as (dispatcher, pod):
        name(execution_object, pod.name, pod.uid)
        dispatcher.observe(execution_object)
        await server.frames.get()
        final = await server.writes.get()
        while server.deleted != {pod.name}:  # noqa: ASYNC110  there is no event for it
            await asyncio.sleep(0.01)
    assert server.writes.empty()
    assert (final["phase"], final["reason"]) == ("Completed", "Exited")
    assert (final["podName"], final["podUID"], final["warm"]) == (pod.name, pod.uid, True)
    assert final["resources"] == {"cpu": "1", "memory": "512Mi", "disk": "100Mi"}
    assert final.keys() >= {"queuedTime", "claimedTime", "startTime", "runtimeGeneration"}


async def test_a_long_program_in_a_named_pod_shows_as_running(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    server = ApiServer([execution_object], {})
    async with waiting(server, tmp_path) as (dispatcher, pod):
        name(execution_object, pod.name, pod.uid)
        dispatcher.observe(execution_object)
        running = await server.writes.get()
        server.may_end.release()
    assert (running["phase"], running["podUID"]) == ("Running", pod.uid)
    assert "podUID" not in server.writes.get_nowait()


async def test_the_end_of_a_program_waits_for_the_write_that_shows_it_as_running(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    """If that were given up, its end could be refused as a conflict."""
    server = ApiServer([execution_object], {})
    shown = server.held["Running"] = asyncio.Event()
    async with waiting(server, tmp_path) as (dispatcher, pod):
        name(execution_object, pod.name, pod.uid)
        dispatcher.observe(execution_object)
        await server.writes.get()
        server.may_end.release()
        ending = asyncio.create_task(server.writes.get())
        done, _ = await asyncio.wait({ending}, timeout=UNWRITTEN_SECONDS)
        assert not done
        shown.set()
        final = await ending
    assert final["phase"] == "Completed"
    assert server.writes.empty()
    assert server.read == []


async def test_an_end_that_is_being_written_is_not_awaited(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    """The watch reports the end as a deletion. The write finds out whether it is one."""
    server = ApiServer([execution_object], {})
    written = server.held["Completed"] = asyncio.Event()
    uid = execution_object["metadata"]["uid"]
    async with waiting(server, tmp_path) as (dispatcher, pod):
        name(execution_object, pod.name, pod.uid)
        dispatcher.observe(execution_object)
        await server.frames.get()
        assert dispatcher.awaits_end_of(uid)
        server.may_end.release()
        while (await server.writes.get())["phase"] != "Completed":
            pass
        assert not dispatcher.awaits_end_of(uid)
        written.set()


async def test_an_execution_that_another_operator_may_have_sent_is_claimed_first(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    """It existed at the takeover. Its Pod has no node, so nothing can have been sent to it."""
    server = ApiServer([execution_object], {})
    server.may_end.release()
    adopted = (execution_object["metadata"]["uid"],)
    async with waiting(server, tmp_path, adopted) as (dispatcher, pod):
        name(execution_object, pod.name, pod.uid)
        dispatcher.observe(execution_object)
        first = await server.writes.get()
    assert (first["phase"], first["podUID"]) == ("Running", pod.uid)


@pytest.mark.parametrize("fails", [True, False])
async def test_an_execution_that_had_a_run_is_not_new_again(
    tmp_path: Path,
    execution_object: ExecutionDict,
    monkeypatch: pytest.MonkeyPatch,
    *,
    fails: bool,
) -> None:
    """A state from before its end can come late, when its Pod waits again."""
    made: list[bool] = []

    class ShortRun(Run):
        def __init__(self, *of: Any, new: bool) -> None:
            super().__init__(*of, new=new)
            made.append(new)

        async def run(self) -> None:
            if fails:
                raise RuntimeError("a bug")
            self.over = True

    monkeypatch.setattr("cloche_operator.executions.dispatcher.Run", ShortRun)
    async with at_work(ApiServer([execution_object], {}), tmp_path) as (_, _, _, dispatcher):
        for _ in range(2):
            dispatcher.observe(execution_object)
            await settled()
    assert made == [True, False]


async def test_a_written_claim_counts_even_if_the_execution_is_seen_for_the_first_time(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    execution_object["status"] = {
        "phase": "Running",
        "podName": "sbx-1",
        "podUID": "uid-of-claimed",
    }
    server = ApiServer([execution_object], {})
    server.pods["sbx-1"] = pod_object(name="sbx-1")
    async with waiting(server, tmp_path) as (dispatcher, _):
        dispatcher.observe(execution_object)
        assert (await server.writes.get())["reason"] == "PodDeleted"
    assert server.frames.empty()


async def test_a_pod_that_does_not_wait_is_not_used_and_another_is_claimed(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    server = ApiServer([execution_object], {})
    server.may_end.release()
    async with waiting(server, tmp_path) as (dispatcher, pod):
        name(execution_object, "sbx-python-gone", "uid-of-a-pod-that-is-gone")
        dispatcher.observe(execution_object)
        first = await server.writes.get()
    assert (first["phase"], first["podUID"]) == ("Running", pod.uid)


async def two_writes(directory: Path, obj: ExecutionDict) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the first writes to an execution that names a Pod which is gone. No other waits."""
    name(obj, "sbx-python-gone", "uid-of-a-pod-that-is-gone")
    server = ApiServer([obj], {})
    server.may_end.release()
    async with at_work(server, directory) as (_, _, _, dispatcher):
        dispatcher.observe(obj)
        return await server.writes.get(), await server.writes.get()


async def test_the_named_pod_is_refused_while_the_execution_waits_for_another(
    tmp_path: Path, execution_object: ExecutionDict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_pod, "_REFUSAL_SECONDS", 0.0)
    first, second = await two_writes(tmp_path, execution_object)
    assert first == {"waitingPodRefused": True}
    assert second["phase"] == "Running"


async def test_an_execution_that_is_claimed_soon_is_not_refused_before(
    tmp_path: Path, execution_object: ExecutionDict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_pod, "_REFUSAL_SECONDS", 30.0)
    first, second = await two_writes(tmp_path, execution_object)
    assert (first["phase"], second["phase"]) == ("Running", "Completed")
