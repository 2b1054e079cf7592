"""Lists the own files that a warm execution passes in the operator, by a trace of its calls.

A real operator runs in this process with a real API server. Of the node there is only what the
operator sees: a Node object, and the attached supervisor, which answers in place of a kubelet.

`python bench/operator_files.py [KUBECONFIG]` prints the files as JSON. Without a kubeconfig it
starts an API server for the time that it runs.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiohttp
import kopf

import cloche_api
import cloche_kube
import cloche_operator
from cloche_api.meta import API_VERSION
from cloche_api.resources.phases import TERMINAL
from cloche_kube.client import MERGE_PATCH, Rest
from cloche_operator import __main__ as program
from cloche_operator.protocol.frame import HELLO, PROTOCOL
from cloche_operator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGES = {
    package.__name__: Path(str(package.__file__)).parent
    for package in (cloche_operator, cloche_api, cloche_kube)
}
_CLOCHE = f"/apis/{API_VERSION}/namespaces"
_CORE = "/api/v1/namespaces"
_LABEL = "cloche.dev/files"
_SECONDS = 30.0
_SELF = (sys.executable, __file__)
_LENGTH_BYTES = 4  # of a frame
_BACKGROUND = contextvars.ContextVar("background", default=False)
"""Whether the running code is part of a task that the leader runs all the time, or of this script.
An attached Pod's listener is part of the execution, although such a task has started it."""


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
            self._say(event="exit", **_EXIT, **of)
            self._say(event="ready", protocol=PROTOCOL)

    async def receive(self) -> aiohttp.WSMessage:
        return await self._sent.get()

    async def close(self) -> None:
        self._sent.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.CLOSED, None, None))

    def _say(self, **event: Any) -> None:
        line = b"\x01" + json.dumps({"seq": self._seq, **event}).encode() + b"\n"
        self._seq += 1
        self._sent.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, line, None))


_EXIT: dict[str, Any] = {
    "exit_code": 0,
    "signal": None,
    "timed_out": False,
    "out_of_memory": False,
    "execution_seconds": 0.01,
    "compile_seconds": None,
    "check_seconds": None,
    "cpu_seconds": 0.01,
    "max_memory_bytes": 1,
    "stdout_bytes": 2,
    "stderr_bytes": 0,
    "stdout_truncated": False,
    "stderr_truncated": False,
    "files": [],
    "files_truncated": False,
    "syntax_error": None,
}


async def operator_files() -> dict[str, list[str]]:
    """Return the files of each own package that a warm execution passes.

    The execution has a tenant, as all of the gateway's have, and its Pod has run one before.
    """
    namespace = f"files-{uuid.uuid4().hex[:10]}"
    rest = await Rest.connect()
    running = asyncio.Event()
    held = SimpleNamespace(memo=None)

    def hold(memo: Any) -> None:
        held.memo = memo
        running.set()

    with _as_operated(hold):
        try:
            await _set_up(rest, namespace)
            settings = Settings(
                namespace=namespace, node_selector={_LABEL: namespace}, http_port=_free_port()
            )
            operating = asyncio.create_task(program.operate(settings))
            try:
                async with asyncio.timeout(_SECONDS):
                    await running.wait()
                    _BACKGROUND.set(True)
                    await _until(lambda: _waits(held.memo))
                    await _run(rest, namespace, "first", held.memo)
                    passed = await _passed_by_each(rest, namespace, held.memo)
            finally:
                operating.cancel()
                await asyncio.gather(operating, return_exceptions=True)
        finally:
            await rest.call("DELETE", f"/api/v1/nodes/{namespace}")
            await rest.close()
    return {
        name: sorted(str(file.relative_to(place)) for file in passed if file.is_relative_to(place))
        for name, place in PACKAGES.items()
    }


async def _passed_by_each(rest: Rest, namespace: str, memo: Any) -> set[Path]:
    """Return the files that each of three executions passes.

    Work that the operator happens to do at the same time, such as for a late event of the watch,
    does not count.
    """
    passed = []
    for name in ("second", "third", "fourth"):
        with _traced() as files:
            await _run(rest, namespace, name, memo)
        passed.append(files)
    return set.intersection(*passed)


async def _run(rest: Rest, namespace: str, name: str, memo: Any) -> None:
    """Run an execution. Return when it has ended and its Pod waits again."""
    path = f"{_CLOCHE}/{namespace}/sandboxexecutions"
    spec = {"language": "python", "code": "print(1)", "tenant": "me"}
    made = await rest.call("POST", path, body=_object("SandboxExecution", name, spec))
    while (await rest.call("GET", f"{path}/{name}"))["status"]["phase"] not in TERMINAL:
        await asyncio.sleep(0.01)
    await _until(lambda: not memo.dispatcher.working_on(made["metadata"]["uid"]) and _waits(memo))


def _waits(memo: Any) -> bool:
    return any(pool.waiting for pool in memo.pools)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@contextmanager
def _traced() -> Iterator[set[Path]]:
    """Collect the own files of which a function is called during the block."""
    passed: set[Path] = set()
    names: dict[str, Path | None] = {}

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or (_BACKGROUND.get() and not _is_listener()):
            return
        name = frame.f_code.co_filename
        if name not in names:
            own = any(name.startswith(f"{place}/") for place in PACKAGES.values())
            names[name] = Path(name) if own else None
        if (file := names[name]) is not None and frame.f_code.co_name != "<module>":
            passed.add(file)

    sys.setprofile(called)
    try:
        yield passed
    finally:
        sys.setprofile(None)


def _is_listener() -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return task is not None and task.get_name().startswith("sandbox ")


@contextmanager
def _as_operated(started: Callable[[Any], Any]) -> Iterator[None]:
    """Mark the leader's tasks as background, and attach to supervisors of this script."""
    real = program.while_leading, kopf.operator, Rest.websocket

    def while_leading(work: Any, what: str) -> Any:
        background = contextvars.copy_context()
        background.run(_BACKGROUND.set, True)  # noqa: FBT003  its only argument
        return background.run(real[0], work, what)

    async def operate(**arguments: Any) -> None:
        started(arguments["memo"])
        await real[1](**arguments)

    async def websocket(*_: Any) -> _Supervisor:
        return _Supervisor()

    program.while_leading = while_leading
    kopf.operator, Rest.websocket = operate, websocket  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        program.while_leading, kopf.operator, Rest.websocket = real  # type: ignore[method-assign]


async def _set_up(rest: Rest, namespace: str) -> None:
    """Create a namespace with a node and a runtime, as far as the operator looks at them."""
    metadata = {"metadata": {"name": namespace}}
    await rest.call("POST", _CORE, body=metadata)
    account = {"metadata": {"name": "default"}}
    await rest.call("POST", f"{_CORE}/{namespace}/serviceaccounts", body=account)
    node = {"metadata": {"name": namespace, "labels": {_LABEL: namespace}}}
    await rest.call("POST", "/api/v1/nodes", body=node)
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    status = {"allocatable": amounts, "capacity": amounts, "conditions": [ready]}
    path = f"/api/v1/nodes/{namespace}"
    await rest.call("PATCH", f"{path}/status", body={"status": status}, content_type=MERGE_PATCH)
    taints = {"spec": {"taints": None}}
    await rest.call("PATCH", path, body=taints, content_type=MERGE_PATCH)
    spec = {
        "image": "cloche/runtime-python:dev",
        "fileName": "main.py",
        "run": {"command": ["python3", "main.py"]},
        "pool": {"size": 1, "reuse": "SameTenant"},
    }
    runtime = _object("SandboxRuntime", "python", spec)
    await rest.call("POST", f"{_CLOCHE}/{namespace}/sandboxruntimes", body=runtime)


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    """Print the files as JSON."""
    if len(sys.argv) == 1:
        with _api_server() as kubeconfig:
            sys.exit(subprocess.run([*_SELF, str(kubeconfig)], check=False).returncode)
    if os.environ.get("KUBECONFIG") != sys.argv[1]:  # the client reads it when it is imported
        os.environ["KUBECONFIG"] = sys.argv[1]
        os.execv(sys.executable, [*_SELF, sys.argv[1]])  # noqa: S606  no shell is wanted
    sys.stdout.write(json.dumps(asyncio.run(operator_files()), indent=2) + "\n")


@contextmanager
def _api_server() -> Iterator[Path]:
    """Run an API server with Cloche's resources for the block."""
    from cloche_cluster.embedded.control_plane import control_plane  # noqa: PLC0415

    with control_plane() as plane:
        kubectl = [str(plane.kubectl), f"--kubeconfig={plane.kubeconfig}"]
        crds = str(Path(__file__).parents[1] / "crds")
        subprocess.run(
            [*kubectl, "apply", "--server-side", "-f", crds], check=True, stdout=sys.stderr
        )
        wait = ("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        subprocess.run([*kubectl, *wait], check=True, stdout=sys.stderr)
        yield plane.kubeconfig


if __name__ == "__main__":
    main()
