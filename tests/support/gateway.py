"""A real gateway on a real socket, and the cluster objects that tests create for it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from cloche_api.keys import new_key
from cloche_api.meta import API_VERSION
from cloche_gateway import context as context_module
from cloche_gateway.cluster import paths
from cloche_gateway.cluster.api import KubeClient
from cloche_gateway.server import Server
from cloche_gateway.settings import Settings
from cloche_kube.client import MERGE_PATCH, Rest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from cloche_gateway.context import Context

EXITED = {
    "phase": "Completed",
    "reason": "Exited",
    "exitCode": 0,
    "stdout": "Hello, World!\n4\n",
    "stderr": "",
    "stdoutTruncated": False,
    "stderrTruncated": False,
    "queuedTime": "2026-01-01T00:00:00.000000Z",
    "claimedTime": "2026-01-01T00:00:00.250000Z",
    "startTime": "2026-01-01T00:00:01.000000Z",
    "completionTime": "2026-01-01T00:00:01.080000Z",
    "recordedTime": "2026-01-01T00:00:01.082000Z",
    "executionSeconds": 0.08,
    "usage": {"cpuSeconds": 0.03, "maxMemoryBytes": 9000000},
}
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For plain HTTP: without this, httpx would read all certificate authorities for each client."""
HELLO = {"code": 'print("Hello, World!")\nprint(2 + 2)', "language": "python"}
EXECUTE = "/api/v1/execute"
ASYNC = "/api/v1/execute/async"
KEY = {"Idempotency-Key": "order-1"}
GONE = {
    "detail": "Idempotency-Key: the execution of this key has been removed and is not run again. "
    "Use a new key for a new execution."
}
"""The response to a key whose execution's record has been removed."""


def runtime(name: str, file_name: str, *aliases: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "SandboxRuntime",
        "metadata": {"name": name},
        "spec": {
            "image": f"runtime-{name}",
            "aliases": list(aliases),
            "fileName": file_name,
            "run": {"command": [name, file_name]},
            **spec,
        },
    }


async def until(
    condition: Callable[[], Awaitable[Any]] | Callable[[], Any], what: str, seconds: float = 20
) -> Any:
    """Return the condition's value as soon as it is true."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        await asyncio.sleep(0.02)


@dataclass
class Cluster:
    """The cluster's objects, as tests create and read them."""

    rest: Rest
    namespace: str
    keys_namespace: str
    keys: dict[str, str] = field(default_factory=dict)
    """Texts of the keys, by name."""

    async def executions(self) -> list[dict[str, Any]]:
        listed = await self.rest.call("GET", paths.executions(self.namespace))
        items: list[dict[str, Any]] = listed["items"]
        return items

    async def tombstones(self) -> list[dict[str, Any]]:
        listed = await self.rest.call("GET", paths.tombstones(self.namespace))
        items: list[dict[str, Any]] = listed["items"]
        return items

    async def sources(self) -> list[dict[str, Any]]:
        listed = await self.rest.call("GET", paths.sources(self.namespace))
        items: list[dict[str, Any]] = listed["items"]
        return items

    async def pending(self) -> dict[str, Any]:
        """Wait for the only execution that has not ended, and return it."""

        async def find() -> dict[str, Any] | None:
            found = [e for e in await self.executions() if e["status"]["phase"] == "Pending"]
            return found[0] if found else None

        found: dict[str, Any] = await until(find, "an execution")
        return found

    async def read(self, name: str) -> dict[str, Any]:
        return await self.rest.call("GET", paths.execution(self.namespace, name))

    async def end(self, name: str, **status: Any) -> None:
        """Write a status, as the operator does."""
        await self.rest.call(
            "PATCH",
            f"{paths.execution(self.namespace, name)}/status",
            body={"status": {**EXITED, **status}},
            content_type=MERGE_PATCH,
        )

    async def delete(self, name: str) -> None:
        await self.rest.call("DELETE", paths.execution(self.namespace, name))

    async def apply_runtime(self, obj: dict[str, Any]) -> None:
        await self.rest.call("POST", paths.runtimes(self.namespace), body=obj)

    async def write_keys(self, **raw: str) -> None:
        """Write these keys (name=tenant) to the Secret, and raw entries given as name="raw:…"."""
        data = {}
        for name, value in raw.items():
            if value.startswith("raw:"):
                data[name] = value.removeprefix("raw:")
                continue
            text, record = new_key(value)
            self.keys[name] = text
            data[name] = record.model_dump_json(by_alias=True)
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "cloche-api-keys"},
            "data": {n: base64.b64encode(v.encode()).decode() for n, v in data.items()},
        }
        path = paths.secrets(self.keys_namespace)
        with contextlib.suppress(Exception):
            await self.rest.call("DELETE", f"{path}/cloche-api-keys")
        await self.rest.call("POST", path, body=secret)


@dataclass
class Gateway:
    """A running gateway and a client with the key of tenant `acme`."""

    context: Context
    cluster: Cluster
    url: str
    http: httpx.AsyncClient
    server: Server
    serving: asyncio.Task[None]

    until = staticmethod(until)

    async def start(self, body: dict[str, Any] = HELLO, /, **headers: str) -> str:
        """POST the body for asynchronous execution, and return the execution's id."""
        answer = await self.http.post(ASYNC, json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        name: str = answer.json()["execution_id"]
        return name

    async def run(self, body: dict[str, Any], **status: Any) -> httpx.Response:
        """POST the body, end its execution with this status, and return the response."""
        asked = asyncio.create_task(self.http.post(EXECUTE, json=body))
        execution = await self.cluster.pending()
        await self.cluster.end(execution["metadata"]["name"], **status)
        return await asked

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    @contextlib.asynccontextmanager
    async def slow_client(self) -> AsyncIterator[socket.socket]:
        """Open a connection on which the kernel buffers little unread data."""
        there = set(self.server.server_state.connections)
        with socket.socket() as made:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            made.connect(("127.0.0.1", self.server.bound_port))
            made.settimeout(0)
            new = await until(
                lambda: self.server.server_state.connections - there, "the connection"
            )
            (protocol,) = new
            accepted = protocol.transport.get_extra_info("socket")
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            yield made


@contextlib.asynccontextmanager
async def serving(cluster: Cluster, client: KubeClient, **settings: Any) -> AsyncIterator[Gateway]:
    own = Settings(
        namespace=cluster.namespace,
        keys_namespace=cluster.keys_namespace,
        host="127.0.0.1",
        port=0,
        **settings,
    )
    async with context_module.running(own, client) as context:
        server = Server(context)
        task = asyncio.create_task(server._serve())
        await until(lambda: server.started, "the server")
        url = f"http://127.0.0.1:{server.bound_port}"
        headers = {"X-API-Key": cluster.keys["first"]}
        async with httpx.AsyncClient(
            base_url=url, headers=headers, timeout=60, verify=_NO_AUTHORITIES
        ) as http:
            yield Gateway(context, cluster, url, http, server, task)
        server.should_exit = True
        await task


def ready(gateway: Gateway, *, expected: int = 200) -> Any:
    async def ask() -> bool:
        return (await gateway.http.get("/health/ready")).status_code == expected

    return ask
