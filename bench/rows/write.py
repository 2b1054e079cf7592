"""One API write: the unit in which warm overhead is counted.

It is measured as a request finds the API server: one before each request, when the node is quiet.
Many in a row, each faster for the one before it, are a row of their own.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from server import LABEL, UNWATCHED

from cloche_api import meta
from cloche_api.rest import MERGE_PATCH
from cloche_operator.execution import now, timestamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from world import World

_NAME = "cloche-bench-write"
_BYTES = 1024


async def in_a_row(world: World, count: int) -> None:
    """Write, again and again."""
    async with writes(world, "row") as write:
        for _ in range(count):
            await write()


@asynccontextmanager
async def writes(world: World, key: str = "write") -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Patch the status of a SandboxExecution of 1 KiB, whenever what this yields is called."""
    path = f"{UNWATCHED}/{_NAME}/status"
    made = await world.cluster.replace(UNWATCHED, _manifest())

    async def write() -> float:
        body = _patch(made["metadata"]["uid"])
        began = time.perf_counter()
        await world.cluster.rest.call("PATCH", path, body=body, content_type=MERGE_PATCH)
        return 1000 * (time.perf_counter() - began)

    async def measure() -> None:
        world.figures[key].values.append(await write())

    try:
        await write()  # it opens the connection
        yield measure
    finally:
        await world.cluster.remove(UNWATCHED, _NAME)


def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = {
        "apiVersion": meta.API_VERSION,
        "kind": "SandboxExecution",
        "metadata": {"name": _NAME, "labels": {LABEL: "write"}},
        "spec": {"language": "python", "code": ""},
    }
    manifest["spec"]["code"] = "#" * (_BYTES - len(str(manifest)))
    return manifest


def _patch(uid: str) -> dict[str, Any]:
    """Another status each time: what changes nothing is not written."""
    return {
        "metadata": {"uid": uid},
        "status": {"phase": "Running", "podName": "sbx-bench", "claimedTime": timestamp(now())},
    }
