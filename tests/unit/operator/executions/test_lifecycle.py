"""An execution that has waited gets its complete input, although the operator had dropped it."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest
from support.data.manifests import SESSION
from support.fixtures.operator.pod_api_server import ApiServer, at_work

from cloche_api.accounting.size import object_bytes
from cloche_api.resources.typed_objects import ExecutionDict


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
    async with at_work(server, tmp_path) as (ctx, _, sessions, dispatcher):
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
    async with at_work(server, tmp_path) as (_, _, _, dispatcher):
        dispatcher.observe(execution_object)
    assert (server.ended, server.reasons) == (["hello"], ["SourceLost"])
    assert server.frames.empty()
    assert server.deleted == server.pods.keys()
