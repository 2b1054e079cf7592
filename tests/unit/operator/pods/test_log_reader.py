"""Conclusions from a Pod's log and exit code after its connection was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from support.data import api_pods
from support.data.supervisor_events import exit_event, lines
from support.fixtures.operator.parts import answering, operator_parts

from cloche_api.resources.phases import Reason
from cloche_operator.model.pod import from_object
from cloche_operator.model.pod_types import PodDict
from cloche_operator.model.status import EndedError, NeverStartedError, from_exit
from cloche_operator.pods.log_reader import LogReader, SilentError
from cloche_operator.protocol.events import Transcript

UID = "5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11"
READY: dict[str, Any] = {"event": "ready", "protocol": 1}
STARTED: dict[str, Any] = {"event": "started", "execution": UID, "stage": "run", "time": 1.0}
PRINTED: dict[str, Any] = {"event": "stdout", "data": "so far"}
INPUT_ENDED: dict[str, Any] = {"event": "error", "message": "frame: the input ended within it"}
EXIT = exit_event(execution=UID, time=2.0, stdout_bytes=900_500)


class Node:
    """A kubelet with one Pod, as the API server shows it.

    `log`: the logs that the readings get, one after the other; further readings get the last one.
    A followed log ends with the container, or at once if `breaks`.
    """

    def __init__(self, *log: bytes, code: int | None = None, breaks: bool = False) -> None:
        self._logs = list(log)
        self._breaks = breaks
        self.code = code
        """The exit code of the container; None while it is running."""
        self.attaches = self.deaf = 0
        """Attaches that were closed, and how many of these have no effect."""
        self.on_input_end: Callable[[], None] = lambda: None
        self.over = asyncio.Event()
        if code is not None:
            self.over.set()

    def append(self, log: bytes, code: int) -> None:
        """Make the container write this and end."""
        self._logs.append(self._logs[-1] + log)
        self.code = code
        self.over.set()

    def pod(self) -> dict[str, Any]:
        state: dict[str, Any] = {"running": {}}
        if self.code is not None:
            state = {"terminated": {"exitCode": self.code, "reason": "Error"}}
        status = {"phase": "Running", "containerStatuses": [{"state": state}]}
        return api_pods.pod_object(status, name="pod")

    def routes(self) -> list[web.RouteDef]:
        pod = "/api/v1/namespaces/sandboxes/pods/pod"
        return [
            web.get(f"{pod}/log", self._log),
            web.get(f"{pod}/attach", self._attach),
            web.get(pod, self._get),
        ]

    async def _get(self, _: web.Request) -> web.Response:
        return web.json_response(self.pod())

    async def _log(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        sent = self._logs.pop(0) if len(self._logs) > 1 else self._logs[0]
        await response.write(sent)
        if request.query["follow"] == "true" and not self._breaks:
            await self.over.wait()
            await response.write(self._logs[-1][len(sent) :])
        return response

    async def _attach(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
        await socket.prepare(request)
        await socket.receive()
        self.attaches += 1
        if self.attaches > self.deaf:
            self.on_input_end()
            self.on_input_end = lambda: None
        return socket


@asynccontextmanager
async def reader_of(node: Node, directory: Path) -> AsyncIterator[LogReader]:
    """Yield a reader of the log of a Pod to which the input may have been sent."""
    async with (
        answering(node.routes(), directory) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        ctx.lease._open_until = float("inf")
        yield LogReader(ctx, from_object(cast("PodDict", node.pod())), UID, sent=True)
        node.over.set()  # the server waits for its streams


async def test_an_input_ended_event_proves_that_no_program_started(tmp_path: Path) -> None:
    async with reader_of(Node(lines(READY, INPUT_ENDED), code=2), tmp_path) as reader:
        with pytest.raises(NeverStartedError):
            await reader.read()


async def test_exit_code_2_proves_that_no_program_started(tmp_path: Path) -> None:
    async with reader_of(Node(lines(READY), code=2), tmp_path) as reader:
        with pytest.raises(NeverStartedError):
            await reader.read()


@pytest.mark.parametrize("code", [0, 1, 137, 143])
async def test_a_dead_container_without_a_start_event_ends_as_result_lost(
    tmp_path: Path, code: int
) -> None:
    """Its `started` event is lost if it ends while containerd is down."""
    async with reader_of(Node(lines(READY), code=code), tmp_path) as reader:
        with pytest.raises(EndedError) as ended:
            await reader.read()
    assert ended.value.reason is Reason.RESULT_LOST


async def test_a_log_without_its_beginning_does_not_prove_a_missing_start(tmp_path: Path) -> None:
    late = lines(PRINTED, INPUT_ENDED, first=9000)
    async with reader_of(Node(late, code=0), tmp_path) as reader:
        with pytest.raises(EndedError) as ended:
            await reader.read()
    assert ended.value.reason is Reason.RESULT_LOST


async def test_output_lost_by_log_rotation_is_flagged_as_truncated(tmp_path: Path) -> None:
    async with reader_of(Node(lines(PRINTED, EXIT, first=9000), code=0), tmp_path) as reader:
        fields = from_exit(await reader.read()).fields
    assert (fields["exitCode"], fields["stdout"], fields["stdoutBytes"]) == (0, "", 900_500)
    assert (fields["stdoutTruncated"], fields["stderrTruncated"]) == (True, True)


async def test_output_after_a_gap_in_the_log_is_not_kept(tmp_path: Path) -> None:
    torn = lines(READY, STARTED, PRINTED) + lines(PRINTED, EXIT, first=7)
    async with reader_of(Node(torn, code=0), tmp_path) as reader:
        fields = from_exit(await reader.read()).fields
    assert (fields["stdout"], fields["stdoutTruncated"]) == ("so far", True)


async def test_earlier_events_in_a_rotated_log_do_not_truncate_an_execution(
    tmp_path: Path,
) -> None:
    late = lines(PRINTED, READY, STARTED, PRINTED, EXIT, first=9000)
    async with reader_of(Node(late, code=0), tmp_path) as reader:
        fields = from_exit(await reader.read()).fields
    assert (fields["stdout"], fields["stdoutTruncated"]) == ("so far", False)


async def test_a_start_received_over_the_attach_is_kept(tmp_path: Path) -> None:
    heard = Transcript(UID)
    heard.take_all([{"seq": 0, **READY}, {"seq": 1, **STARTED}, {"seq": 2, **PRINTED}])
    async with reader_of(Node(lines(READY), code=2), tmp_path) as reader:
        reader.know(heard)
        with pytest.raises(EndedError) as ended:
            await reader.read()
    assert ended.value.reason is Reason.RESULT_LOST
    assert reader.transcript.stdout == "so far"


async def test_the_end_of_a_log_is_accepted_only_when_read_twice(tmp_path: Path) -> None:
    """The first reading broke off, but the API server ended it as if it were complete."""
    node = Node(lines(READY), lines(READY, STARTED, PRINTED, EXIT), code=0, breaks=True)
    async with reader_of(node, tmp_path) as reader:
        assert (await reader.read()).exit is not None


async def test_a_last_read_of_a_log_that_breaks_off_is_repeated(tmp_path: Path) -> None:
    node = Node(lines(READY), lines(READY, STARTED), lines(READY, STARTED, PRINTED, EXIT))
    async with reader_of(node, tmp_path) as reader:
        assert (await reader.last_look()).exit is not None


async def test_a_log_without_events_raises_a_silent_error(tmp_path: Path) -> None:
    async with reader_of(Node(lines(READY)), tmp_path) as reader:
        with pytest.raises(SilentError):
            await reader.read(start_within=0.05)


async def test_closing_the_input_shows_that_no_program_started(tmp_path: Path) -> None:
    node = Node(lines(READY))
    node.on_input_end = lambda: node.append(lines(INPUT_ENDED, first=1), code=2)
    async with reader_of(node, tmp_path) as reader:
        with pytest.raises(NeverStartedError):
            await reader.read_after_input(5)


async def test_an_attach_that_was_closed_too_early_is_repeated(tmp_path: Path) -> None:
    node = Node(lines(READY))
    node.deaf = 1
    node.on_input_end = lambda: node.append(lines(INPUT_ENDED, first=1), code=2)
    async with reader_of(node, tmp_path) as reader:
        with pytest.raises(NeverStartedError):
            await reader.read_after_input(20)
    assert node.attaches > node.deaf


async def test_a_running_program_without_a_start_event_keeps_its_result(tmp_path: Path) -> None:
    """Its log was rotated, so no start is in it. The end of its input has no effect on it."""
    node = Node(lines(PRINTED, first=9000))
    node.on_input_end = lambda: node.append(lines(EXIT, first=9001), code=0)
    async with reader_of(node, tmp_path) as reader:
        transcript = await reader.read_after_input(5)
    assert transcript.exit is not None
    assert transcript.stdout_truncated
