"""The physical limit: the same Pod, driven over attach by a bare loop, without Cloche."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from client import CODE, STDOUT
from progress import BenchError
from server import LABEL

from cloche_api.execution import ExecutionSpec
from cloche_api.meta import CONTAINER
from cloche_api.rest import UnavailableError
from cloche_api.runtime import RuntimeSpec
from cloche_operator.attach import Attachment
from cloche_operator.events import EventReader
from cloche_operator.frame import HELLO, Afterwards, frame
from cloche_operator.pods import PodShape, waiting_pod

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from server import Cluster

SELECTOR = f"{LABEL}=bare"
_FIRST_TRY_SECONDS = 0.3  # the operator's own: no container runs sooner
_TRY_SECONDS = 0.025  # likewise, times the Pods that start at once
_PROTOCOL = "v5.channel.k8s.io"
_DEADLINE_SECONDS = 3600  # beyond any measurement: for what a killed run leaves
_DELETE = {"apiVersion": "v1", "kind": "DeleteOptions"}


@dataclass(frozen=True)
class Bare:
    """Bare Pods of one shape: create, attach, one frame, the result, delete, gone.

    The operator neither sees nor counts them: its own label is not on them.
    """

    cluster: Cluster
    shape: PodShape
    gone: dict[str, asyncio.Event]
    """By Pod name; set by the watch when the Pod is no more."""
    at_a_time: int = 1

    def of(self, at_a_time: int) -> Bare:
        """The same, so many at a time."""
        return replace(self, at_a_time=at_a_time)

    async def one(self) -> float:
        """Seconds from creating a Pod to its result. Returns when the Pod is gone."""
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
        """A Pod that waits for frames, attached; Pods that are there together differ in number."""
        manifest = self._manifest(self.cluster.settings.last_user - number)
        await self.cluster.rest.call("POST", self.cluster.pods, body=manifest)
        talk = await self._attached(manifest["metadata"]["name"])
        await talk.send(HELLO)
        await talk.until("ready")
        return talk

    def frame(self, execution: str, afterwards: Afterwards = Afterwards.EXIT) -> bytes:
        """The program as the operator sends it."""
        spec = ExecutionSpec(language=self.shape.runtime_name, code=CODE)
        return frame(execution, spec, self.shape.runtime, self.shape.used, afterwards)

    def _manifest(self, user: int) -> dict[str, Any]:
        manifest = waiting_pod(self.shape, user, _name(), self.cluster.settings)
        # Without the operator's labels: it would take the Pod for one that is left over.
        manifest["metadata"]["labels"] = {LABEL: "bare"}
        # A Pod that waits in no pool must have a deadline (the policy cloche-pods).
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
    """What is said over an open attach: frames go in, events come out."""

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._reader = EventReader()
        self._events: deque[dict[str, Any]] = deque()
        self.send, self.close = attachment.send, attachment.close

    async def until(self, kind: str) -> str:
        """Hear what comes up to an event of that kind; what was printed meanwhile.

        Raises:
            BenchError: the stream ended before.
        """
        stdout = ""
        while (event := await self._next())["event"] != kind:
            if event["event"] == "stdout":
                stdout += event["data"]
        return stdout

    async def result(self) -> None:
        """Hear the program's output and its end.

        Raises:
            BenchError: they do not come.
        """
        if (stdout := await self.until("exit")) != STDOUT:
            raise BenchError(f"A bare Pod printed {stdout!r}")

    async def _next(self) -> dict[str, Any]:
        while not self._events:
            data = await self._attachment.read()
            if data is None:
                raise BenchError("A bare Pod ended its stream before its program's end")
            self._events.extend(self._reader.feed(data))
        return self._events.popleft()


@asynccontextmanager
async def bare_pods(cluster: Cluster, runtime: str, memory: str | None) -> AsyncIterator[Bare]:
    """Bare Pods of a runtime, with its resources or with another amount of memory."""
    obj = await cluster.runtime(runtime)
    spec = RuntimeSpec.model_validate(obj["spec"])
    used = spec.resources.defaults
    if memory is not None:
        used = used.model_copy(update={"memory": memory})
    shape = PodShape(runtime, obj["metadata"]["uid"], spec, used)
    gone: dict[str, asyncio.Event] = {}
    version = (await cluster.rest.call("GET", cluster.pods, params={"limit": "1"}))["metadata"]
    watching = asyncio.create_task(_watch(cluster, version["resourceVersion"], gone))
    try:
        yield Bare(cluster, shape, gone)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await cluster.remove_all(cluster.pods, SELECTOR)


async def _watch(cluster: Cluster, version: str, gone: dict[str, asyncio.Event]) -> None:
    """Say which bare Pods are gone. Polling for it would take from what they can do."""
    params = {
        "watch": "true",
        "labelSelector": SELECTOR,
        "resourceVersion": version,
        "timeoutSeconds": "3600",
    }
    async with cluster.rest.stream(cluster.pods, params) as body:
        async for line in body:
            event = json.loads(line)
            name = event["object"]["metadata"].get("name")
            if event["type"] == "DELETED" and name in gone:
                gone[name].set()


def _name() -> str:
    return f"bench-{uuid.uuid4().hex[:12]}"
