"""One API write: the unit in which warm overhead is counted.

It is measured as a request finds the API server: one before each request, when the node is quiet.
Many in a row, each faster for the one before it, are a row of their own.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from server import LABEL

from cloche_api import meta
from cloche_api.rest import MERGE_PATCH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from world import World

# Where neither operator nor gateway watches: they would act on it.
_PATH = f"/apis/{meta.GROUP}/{meta.VERSION}/namespaces/default/{meta.EXECUTIONS}"
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
    path = f"{_PATH}/{_NAME}/status"
    made = await world.cluster.replace(_PATH, _manifest())

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
        await world.cluster.remove(_PATH, _NAME)


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
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "metadata": {"uid": uid},
        "status": {"phase": "Running", "podName": "sbx-bench", "claimedTime": now},
    }
