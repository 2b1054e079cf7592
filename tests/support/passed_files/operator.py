"""The files that a warm execution passes in the operator.

A real operator runs in a separate process with a real API server. Because there is no kubelet, this
module connects the operator's attaches to a supervisor.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import aiohttp
import kopf
from support.data.supervisor_events import exit_event
from support.deadline import eventually
from support.fixtures.fake_cluster import LABEL
from support.fixtures.operator.process import environment, free_port
from support.passed_files.trace import files_of, recorded

from cloche_api.meta import API_VERSION
from cloche_api.resources.phases import TERMINAL
from cloche_kube.client import Rest
from cloche_operator import __main__ as program
from cloche_operator import watches
from cloche_operator.protocol.frame import HELLO, PROTOCOL
from cloche_operator.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.fixtures.fake_cluster import FakeCluster

PACKAGES = ("cloche_operator", "cloche_api", "cloche_kube")
_LANGUAGE = "pooled"
_SECONDS = 120.0
_LENGTH_BYTES = 4  # of a frame
_BACKGROUND = contextvars.ContextVar("background", default=False)
"""Whether the running code is part of a task that the leader runs all the time, or of this module.
An attached Pod's listener is part of the execution, although such a task has started it."""


def operator_files(cluster: FakeCluster) -> dict[str, list[str]]:
    """Return the files of each own package that a warm execution passes.

    The execution has a tenant, as all of the gateway's have, and its Pod has run one before.
    """
    cluster.apply_runtime(_LANGUAGE, pool={"size": 1, "reuse": "SameTenant"})
    settings = {
        "namespace": cluster.namespace,
        "node_selector": {LABEL: cluster.namespace},
        "http_port": free_port(),
    }
    done = subprocess.run(
        [sys.executable, "-m", "support.passed_files.operator"],
        env=environment(settings) | {"KUBECONFIG": str(cluster.kubeconfig)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=_SECONDS,
        check=True,
    )
    files: dict[str, list[str]] = json.loads(done.stdout)
    return files


async def _traced() -> dict[str, list[str]]:
    settings = load()
    rest = await Rest.connect()
    held = SimpleNamespace(pools=None, dispatcher=None)
    try:
        with _as_operated(held):
            operating = asyncio.create_task(program.operate(settings))
            try:
                await eventually(lambda: held.pools and held.dispatcher, "the operator to operate")
                _BACKGROUND.set(True)
                await eventually(lambda: _waits(held), "a Pod to wait")
                await _run(rest, settings.namespace, "first", held)
                passed = await _passed_by_each(rest, settings.namespace, held)
            finally:
                operating.cancel()
                await asyncio.gather(operating, return_exceptions=True)
    finally:
        await rest.close()
    return {package: files_of(package, passed) for package in PACKAGES}


async def _passed_by_each(rest: Rest, namespace: str, held: Any) -> list[str]:
    """Return the files that each of three executions passes, in the order of the first.

    Work that the operator happens to do at the same time, such as for a late event of the watch,
    does not count.
    """
    passed = []
    for name in ("second", "third", "fourth"):
        with recorded(lambda: not _BACKGROUND.get() or _is_listener()) as files:
            await _run(rest, namespace, name, held)
        passed.append(files)
    return [file for file in passed[0] if all(file in files for files in passed)]


async def _run(rest: Rest, namespace: str, name: str, held: Any) -> None:
    """Run an execution. Return when it has ended and its Pod waits again."""
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/sandboxexecutions"
    body = {
        "apiVersion": API_VERSION,
        "kind": "SandboxExecution",
        "metadata": {"name": name},
        "spec": {"language": _LANGUAGE, "code": "print(1)", "tenant": "me"},
    }
    made = await rest.call("POST", path, body=body)

    async def ended() -> bool:
        return (await rest.call("GET", f"{path}/{name}"))["status"]["phase"] in TERMINAL

    def released() -> bool:
        return not held.dispatcher.working_on(made["metadata"]["uid"]) and _waits(held)

    await eventually(ended, f"the execution {name} to end")
    await eventually(released, f"the Pod of {name} to wait again")


def _waits(held: Any) -> bool:
    return any(pool.waiting for pool in held.pools)


def _is_listener() -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return task is not None and task.get_name().startswith("sandbox ")


class _Supervisor:
    """The WebSocket of an attach. The supervisor at its other end ends every program at once."""

    def __init__(self) -> None:
        self._received = b""
        self._sent: asyncio.Queue[aiohttp.WSMessage] = asyncio.Queue()
        self._seq = 0

    async def send_bytes(self, data: bytes) -> None:
        self._received += data[1:]
        if self._received.startswith(HELLO):
            self._received = self._received.removeprefix(HELLO)
            self._say(event="ready", protocol=PROTOCOL)
        length, body = self._received[:_LENGTH_BYTES], self._received[_LENGTH_BYTES:]
        if body and len(body) >= int.from_bytes(length, "big"):
            frame = json.loads(body)
            self._received = b""
            of = {"execution": frame["execution"], "time": time.time()}
            self._say(event="started", stage="run", **of)
            self._say(event="stdout", data="1\n")
            self._say(**exit_event(stdout_bytes=2, **of))
            self._say(event="ready", protocol=PROTOCOL)

    async def receive(self) -> aiohttp.WSMessage:
        return await self._sent.get()

    async def close(self) -> None:
        self._sent.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.CLOSED, None, None))

    def _say(self, **event: Any) -> None:
        line = b"\x01" + json.dumps({"seq": self._seq, **event}).encode() + b"\n"
        self._seq += 1
        self._sent.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, line, None))


@contextmanager
def _as_operated(held: SimpleNamespace) -> Iterator[None]:
    """Mark the leader's tasks as background, and attach to supervisors of this module.

    The watch of executions is not in the background: each execution comes by it. `held` gets the
    operator's dispatcher and pools.
    """
    lead, operate, follow = program.while_leading, kopf.operator, watches.follow_executions

    def while_leading(work: Any, what: str) -> Any:
        if what == "the watch of executions":
            return lead(work, what)
        background = contextvars.copy_context()
        background.run(_BACKGROUND.set, True)  # noqa: FBT003  its only argument
        return background.run(lead, work, what)

    async def operator(**arguments: Any) -> None:
        held.pools = arguments["memo"].pools
        await operate(**arguments)

    async def follow_executions(ctx: Any, dispatcher: Any) -> None:
        held.dispatcher = dispatcher
        await follow(ctx, dispatcher)

    async def websocket(*_: Any) -> _Supervisor:
        return _Supervisor()

    with (
        patch.object(program, "while_leading", while_leading),
        patch.object(kopf, "operator", operator),
        patch.object(watches, "follow_executions", follow_executions),
        patch.object(Rest, "websocket", websocket),
    ):
        yield


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_traced())) + "\n")
