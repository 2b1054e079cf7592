"""A Pod that is deleted because its program seems not to have started: its log decides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.operator_parts import answering, operator_parts

from cloche_api.phases import Reason
from cloche_operator.outcome import EndedError
from cloche_operator.result import LogReader, NeverStartedError

UID = "5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11"
POD: dict[str, Any] = {"metadata": {"name": "pod", "uid": "uid-of-pod"}}
READY: dict[str, Any] = {"event": "ready", "protocol": 1}
STARTED: dict[str, Any] = {"event": "started", "execution": UID, "stage": "run", "time": 1.0}
PRINTED: dict[str, Any] = {"event": "stdout", "data": "so far"}


@asynccontextmanager
async def log_reader(
    directory: Path, events: list[dict[str, Any]], *, breaks: bool
) -> AsyncIterator[LogReader]:
    """A reader before a server that sends these events once the Pod is deleted.

    `breaks`: the connection is lost after them, and the log does not end.
    """
    deleted = asyncio.Event()

    async def log(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await deleted.wait()
        for number, event in enumerate(events):
            await response.write(json.dumps({"seq": number, **event}).encode() + b"\n")
        if breaks:
            assert request.transport is not None
            request.transport.close()
        return response

    async def delete(_: web.Request) -> web.Response:
        deleted.set()
        return web.json_response({})

    pod = "/api/v1/namespaces/sandboxes/pods/pod"
    routes = [web.get(f"{pod}/log", log), web.delete(pod, delete)]
    async with (
        answering(routes, directory) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        yield LogReader(ctx, POD, UID)


async def test_a_program_whose_whole_log_shows_no_start_never_started(tmp_path: Path) -> None:
    async with log_reader(tmp_path, [READY], breaks=False) as reader:
        with pytest.raises(NeverStartedError):
            await reader.read_while_deleting()


@pytest.mark.parametrize(
    ("events", "breaks"),
    [
        pytest.param([READY], True, id="a log that breaks off may lack the start"),
        pytest.param([READY, STARTED, PRINTED], True, id="started, and the log breaks off"),
        pytest.param([READY, STARTED, PRINTED], False, id="started, and the log ends"),
    ],
)
async def test_a_program_that_may_have_started_is_not_run_again(
    tmp_path: Path,
    events: list[dict[str, Any]],
    breaks: bool,  # noqa: FBT001  a case
) -> None:
    async with log_reader(tmp_path, events, breaks=breaks) as reader:
        with pytest.raises(EndedError) as ended:
            await reader.read_while_deleting()
    assert ended.value.reason is Reason.RESULT_LOST
