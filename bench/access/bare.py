"""The physical limit: the same Pod, used over attach by a bare loop, without Cloche."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from access.client import CODE, STDOUT
from access.server import LABEL
from progress import BenchError

from cloche_api.meta import CONTAINER
from cloche_api.resources.execution import ExecutionSpec
from cloche_api.resources.runtime import RuntimeSpec
from cloche_kube.errors import UnavailableError
from cloche_kube.watch import Follower, Source
from cloche_operator.model.pod_manifest import PodShape, waiting_pod
from cloche_operator.pods.sandbox import Attachment
from cloche_operator.protocol.events import EventReader
from cloche_operator.protocol.frame import HELLO, Afterwards, frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from access.server import Cluster

SELECTOR = f"{LABEL}=bare"
_FIRST_TRY_SECONDS = 0.3  # the operator's own value: no container starts sooner
_TRY_SECONDS = 0.025  # likewise, multiplied by the number of Pods that start at once
_PROTOCOL = "v5.channel.k8s.io"
_DEADLINE_SECONDS = 3600  # longer than any measurement: ends the Pods of a killed run
_DELETE = {"apiVersion": "v1", "kind": "DeleteOptions"}


@dataclass(frozen=True)
class Bare:
    """Bare Pods of one shape: create, attach, send a frame, read the result, delete, wait.

    The operator ignores them, because they lack its label.
    """

    cluster: Cluster
    shape: PodShape
    gone: dict[str, asyncio.Event]
    """By Pod name; set by the watch when the Pod has been removed."""
    at_a_time: int = 1

    def of(self, at_a_time: int) -> Bare:
        """Return a copy with this number of concurrent Pods."""
        return replace(self, at_a_time=at_a_time)

    async def one(self) -> float:
        """Return the seconds from creating a Pod to its result, after the Pod has been removed."""
        manifest = self._manifest(self.cluster.settings.last_user)
        name = manifest["metadata"]["name"]
        self.gone[name] = asyncio.Event()
        began = time.perf_counter()
        await self.cluster.rest.call("POST", self.cluster.pods, body=manifest)
        talk = await self._attached(name)
        await talk.send(HELLO + self.frame(str(uuid.uuid4())))
        await talk.result()
        seconds = time.perf_counter() - began
        await talk.close()
        await self.cluster.rest.call("DELETE", f"{self.cluster.pods}/{name}", body=_DELETE)
        await self.gone[name].wait()
        del self.gone[name]
        return seconds

    async def waiting(self, number: int) -> Talk:
        """Attach to a new Pod that waits for frames; concurrent Pods need different numbers."""
        manifest = self._manifest(self.cluster.settings.last_user - number)
        await self.cluster.rest.call("POST", self.cluster.pods, body=manifest)
        talk = await self._attached(manifest["metadata"]["name"])
        await talk.send(HELLO)
        await talk.until("ready")
        return talk

    def frame(self, execution: str, afterwards: Afterwards = Afterwards.EXIT) -> bytes:
        """Return the program's frame, encoded as the operator encodes it."""
        spec = ExecutionSpec(language=self.shape.runtime_name, code=CODE)
        return frame(execution, spec, self.shape.runtime, self.shape.used, afterwards)

    def _manifest(self, user: int) -> dict[str, Any]:
        manifest = waiting_pod(self.shape, user, _name(), self.cluster.settings)
        # Without the operator's labels, so that the operator does not delete it as an orphan.
        manifest["metadata"]["labels"] = {LABEL: "bare"}
        # The policy cloche-pods requires a deadline for Pods outside a pool.
        manifest["spec"]["activeDeadlineSeconds"] = _DEADLINE_SECONDS
        return manifest

    async def _attached(self, name: str) -> Talk:
        params = {"container": CONTAINER, "stdin": "true", "stdout": "true", "stderr": "false"}
        path = f"{self.cluster.pods}/{name}/attach"
        await asyncio.sleep(_FIRST_TRY_SECONDS)
        while True:
            try:
                return Talk(Attachment(await self.cluster.rest.websocket(path, params, _PROTOCOL)))
            except UnavailableError:
                await asyncio.sleep(_TRY_SECONDS * self.at_a_time)


class Talk:
    """An open attach: send frames, read events."""

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._reader = EventReader()
        self._events: deque[dict[str, Any]] = deque()
        self.send, self.close = attachment.send, attachment.close

    async def until(self, kind: str) -> str:
        """Read events up to one of this kind, and return the stdout among them.

        Raises:
            BenchError: the stream ended before.
        """
        stdout = ""
        while (event := await self._next())["event"] != kind:
            if event["event"] == "stdout":
                stdout += event["data"]
        return stdout

    async def result(self) -> None:
        """Read the program's output up to its end.

        Raises:
            BenchError: the output is wrong, or the stream ended.
        """
        if (stdout := await self.until("exit")) != STDOUT:
            raise BenchError(f"A bare Pod printed {stdout!r}, expected {STDOUT!r}")

    async def _next(self) -> dict[str, Any]:
        while not self._events:
            data = await self._attachment.read()
            if data is None:
                raise BenchError("The stream of a bare Pod ended before its program")
            self._events.extend(self._reader.feed(data))
        return self._events.popleft()


@asynccontextmanager
async def bare_pods(cluster: Cluster, runtime: str, memory: str | None) -> AsyncIterator[Bare]:
    """Provide bare Pods of a runtime, with its resources or with another amount of memory."""
    obj = await cluster.runtime(runtime)
    spec = RuntimeSpec.model_validate(obj["spec"])
    used = spec.resources.defaults
    if memory is not None:
        used = used.model_copy(update={"memory": memory})
    shape = PodShape(runtime, obj["metadata"]["uid"], spec, used)
    gone: dict[str, asyncio.Event] = {}
    removals = _Removals(gone)
    source = Source(cluster.pods, {"labelSelector": SELECTOR}, list_limit=1)
    watching = asyncio.create_task(Follower(cluster.rest, source, removals).run())
    try:
        await removals.watched.wait()
        yield Bare(cluster, shape, gone)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await cluster.remove_all(cluster.pods, SELECTOR)


class _Removals:
    """A sink of the watch of bare Pods. Polling would reduce their throughput."""

    def __init__(self, gone: dict[str, asyncio.Event]) -> None:
        self._gone = gone
        self.watched = asyncio.Event()

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Do nothing: the list is only needed for its version."""

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        name = obj["metadata"]["name"]
        if kind == "DELETED" and name in self._gone:
            self._gone[name].set()

    def connected(self) -> None:
        self.watched.set()


def _name() -> str:
    return f"bench-{uuid.uuid4().hex[:12]}"
