"""Kubernetes Events: which failures cause one, and how many there are at most."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from support.fixtures.operator.parts import answering

from cloche_api.meta import API_VERSION
from cloche_api.resources.phases import Reason
from cloche_api.resources.runtime import RuntimeSpec
from cloche_api.resources.typed_objects import ExecutionDict
from cloche_kube.client import Rest
from cloche_operator.kube.api import Kube
from cloche_operator.model.execution import from_object
from cloche_operator.state.cache import Runtime
from cloche_operator.state.events import _EVENTS_AT_ONCE, _RUNTIME_SECONDS, WARNED, Events

BOUND_SECONDS = 20.0
PATH = "/apis/events.k8s.io/v1/namespaces/sandboxes/events"
SPEC = RuntimeSpec.model_validate(
    {"image": "python:dev", "fileName": "main.py", "run": {"command": ["python3", "main.py"]}}
)
PYTHON = Runtime("python", "uid-of-python", 1, SPEC)


class ApiServer:
    """An API server that takes Events. The clock of `events` is `now`."""

    def __init__(self, *answers: int) -> None:
        self.posted: list[dict[str, Any]] = []
        self.changed = asyncio.Event()
        self.now = 0.0
        self._answers = list(answers)

    async def create(self, request: web.Request) -> web.Response:
        status = self._answers.pop(0) if self._answers else 201
        if status == 201:
            self.posted.append(await request.json())
        self.changed.set()
        return web.json_response({"reason": "Anything"}, status=status)

    def regarding(self) -> list[tuple[str, str]]:
        """Return kind and reason of each posted Event."""
        return [(event["regarding"]["kind"], event["reason"]) for event in self.posted]

    async def until_posted(self, number: int) -> None:
        async with asyncio.timeout(BOUND_SECONDS):
            while len(self.posted) < number:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def posting(server: ApiServer, directory: Path) -> AsyncIterator[Events]:
    """Yield Events whose queue is posted to the server during the block."""
    async with answering([web.post(PATH, server.create)], directory) as kubeconfig:
        rest = await Rest.connect(str(kubeconfig))
        events = Events(Kube(rest, "sandboxes"), "sandboxes", "operator-0", lambda: server.now)
        work = asyncio.create_task(events.post_for_ever())
        try:
            yield events
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await rest.close()


async def test_a_failure_creates_an_event_on_the_execution_and_one_on_its_runtime(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    server, execution = ApiServer(), from_object(execution_object)
    async with posting(server, tmp_path) as events:
        message = "The image x cannot be pulled: not found"
        events.execution_failed(execution, Reason.IMAGE_PULL_FAILED, message, PYTHON)
        await server.until_posted(2)
    of_runtime, of_execution = server.posted
    assert of_execution["note"] == message
    assert of_runtime["note"] == f"Execution hello: {message}"
    assert of_execution["regarding"] == {
        "apiVersion": API_VERSION,
        "kind": "SandboxExecution",
        "name": "hello",
        "namespace": "sandboxes",
        "uid": execution.uid,
    }
    assert {event["type"] for event in server.posted} == {"Warning"}


async def test_a_runtime_has_one_event_of_a_reason_within_ten_seconds(tmp_path: Path) -> None:
    server = ApiServer()
    async with posting(server, tmp_path) as events:
        for n in range(5):
            events.runtime_failed(PYTHON, Reason.POD_REFUSED, f"refused {n}")
        events.runtime_failed(PYTHON, Reason.IMAGE_PULL_FAILED, "no such image")
        server.now = _RUNTIME_SECONDS
        events.runtime_failed(PYTHON, Reason.POD_REFUSED, "refused again")
        await server.until_posted(3)
    notes = [event["note"] for event in server.posted]
    assert notes == ["refused 0", "no such image", "(4 more since the last Event) refused again"]


async def test_a_flood_of_failures_creates_a_limited_number_of_events(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    server, execution = ApiServer(), from_object(execution_object)
    async with posting(server, tmp_path) as events:
        for n in range(1000):
            server.now = n / 100  # 100 a second
            events.execution_failed(execution, Reason.QUEUE_TIMEOUT, "No capacity.", None)
            await asyncio.sleep(0)
        await server.until_posted(_EVENTS_AT_ONCE - 10)
        # What is left is for the runtimes.
        events.runtime_failed(PYTHON, Reason.QUEUE_TIMEOUT, "No capacity.")
        await asyncio.wait_for(_posted(server, "SandboxRuntime"), BOUND_SECONDS)
    assert len(server.posted) <= _EVENTS_AT_ONCE + 10 + 1


async def _posted(server: ApiServer, kind: str) -> None:
    while all(of != kind for of, _ in server.regarding()):
        server.changed.clear()
        await server.changed.wait()


async def test_a_rejected_event_is_dropped(tmp_path: Path, execution_object: ExecutionDict) -> None:
    server, execution = ApiServer(403, 500), from_object(execution_object)
    async with posting(server, tmp_path) as events:
        events.execution_failed(execution, Reason.NODE_LOST, "one", None)
        events.execution_failed(execution, Reason.NODE_LOST, "two", None)
        events.execution_failed(execution, Reason.NODE_LOST, "three", None)
        await server.until_posted(1)
    assert [event["note"] for event in server.posted] == ["three"]


async def test_a_note_fits_into_the_limit_of_the_api_server(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    server, execution = ApiServer(), from_object(execution_object)
    async with posting(server, tmp_path) as events:
        events.execution_failed(execution, Reason.POD_FAILED, "é" * 4000, None)
        await server.until_posted(1)
    assert server.posted[0]["note"] == "é" * 512


def test_each_reason_either_causes_an_event_or_is_listed_as_one_that_does_not() -> None:
    of_programs = {Reason.EXITED, Reason.SIGNALED, Reason.OUT_OF_MEMORY, Reason.DISK_FULL,
                   Reason.INVALID_SYNTAX, Reason.COMPILER_FAILED, Reason.DEADLINE_EXCEEDED,
                   Reason.RESULT_TOO_LARGE, Reason.ACTION_COMPLETED}  # fmt: skip
    of_clients = {Reason.CANCELLED, Reason.DELETED, Reason.SESSION_ENDED, Reason.RECORD_REMOVED,
                  Reason.INVALID_SPEC, Reason.INVALID_FILES, Reason.UNKNOWN_LANGUAGE,
                  Reason.RESOURCES_EXCEED_RUNTIME}  # fmt: skip
    without_event = of_programs | of_clients | {Reason.WRITE_LIMIT}
    assert set(Reason) - without_event == WARNED
    assert not WARNED & without_event
