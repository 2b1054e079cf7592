"""The physical limit of reuse: a bare loop with the same writes, in reused Pods.

There is no gateway or operator: one process creates an execution, claims it, sends the frame over
an open attach and writes the result, for each of 8 Pods.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

from access.bare import bare_pods
from access.client import CODE, STDOUT
from access.server import LABEL, UNWATCHED
from rows.sustained import count_slice
from world import CLIENTS, SINGLE

from cloche_api import meta
from cloche_kube.client import MERGE_PATCH, METADATA
from cloche_operator.model.execution import now, timestamp
from cloche_operator.protocol.frame import Afterwards

if TYPE_CHECKING:
    from access.bare import Bare, Talk
    from access.server import Cluster
    from world import World

    from cloche_api.resources.typed_dicts import ExecutionStatusDict


async def measure(world: World) -> None:
    """Measure one slice."""
    async with bare_pods(world.cluster, SINGLE, None) as bare:
        pods = await asyncio.gather(*(bare.waiting(number) for number in range(CLIENTS)))
        free = list(pods)

        async def one() -> tuple[float, str | None]:
            talk = free.pop()
            try:
                return await _execution(world, bare, talk), None
            finally:
                free.append(talk)

        try:
            seconds = world.sizes.slice_seconds
            await count_slice(world.figures["loop"], CLIENTS, seconds, one)
        finally:
            for talk in pods:
                await talk.close()
            await remove_left(world.cluster)


async def remove_left(cluster: Cluster) -> None:
    """Remove its executions, including those of a killed run."""
    await cluster.remove_all(UNWATCHED, f"{LABEL}=loop")


async def _execution(world: World, bare: Bare, talk: Talk) -> float:
    """Return the seconds from creating one execution to its recorded result."""
    rest, loop = world.cluster.rest, asyncio.get_running_loop()
    began = loop.time()
    made = (await rest.call("POST", UNWATCHED, body=_manifest(), accept=METADATA))["metadata"]
    path, uid = f"{UNWATCHED}/{made['name']}/status", made["uid"]

    async def write(status: ExecutionStatusDict, **precondition: str) -> None:
        body = {"metadata": {"uid": uid, **precondition}, "status": status}
        await rest.call("PATCH", path, body=body, content_type=MERGE_PATCH, accept=METADATA)

    claim: ExecutionStatusDict = {
        "phase": "Running",
        "podName": "bench",
        "podUID": uid,
        "claimedTime": timestamp(now()),
    }
    await write(claim, resourceVersion=made["resourceVersion"])
    await talk.send(bare.frame(uid, Afterwards.RESET))
    await talk.result()
    end: ExecutionStatusDict = {
        "phase": "Completed",
        "reason": "Exited",
        "exitCode": 0,
        "stdout": STDOUT,
        "completionTime": timestamp(now()),
    }
    await write(end)
    took = loop.time() - began
    await talk.until("ready")
    return took


def _manifest() -> dict[str, Any]:
    return {
        "apiVersion": meta.API_VERSION,
        "kind": "SandboxExecution",
        "metadata": {"name": str(uuid.uuid4()), "labels": {LABEL: "loop"}},
        "spec": {"language": "python", "code": CODE},
    }
