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
_CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
_CONTROLS = 3
"""At a time: one alone varies as much as a request does."""


async def in_a_row(world: World, count: int) -> None:
    """Write, again and again."""
    async with writes(world, "row") as write:
        for _ in range(count):
            await write()


@asynccontextmanager
async def writes(world: World, key: str = "write") -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Patch the status of a SandboxExecution of 1 KiB, whenever what this yields is called."""
    made = await world.cluster.replace(UNWATCHED, _manifest())
    uid = made["metadata"]["uid"]

    async def measure() -> None:
        await _measured(world, key, f"{UNWATCHED}/{_NAME}/status", _patch(uid))

    try:
        await _one(world, f"{UNWATCHED}/{_NAME}/status", _patch(uid))  # it opens the connection
        yield measure
    finally:
        await world.cluster.remove(UNWATCHED, _NAME)


@asynccontextmanager
async def controls(world: World, key: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Patch a ConfigMap of 1 KiB some times, whenever what this yields is called.

    Of this no revision of Cloche has a part: it shows how fast the machine is at the moment.
    """
    await world.cluster.replace(_CONFIG_MAPS, _config_map("#" * _BYTES))

    async def measure() -> None:
        for _ in range(_CONTROLS):
            body = _config_map(f"{timestamp(now())} {'#' * _BYTES}")
            await _measured(world, key, f"{_CONFIG_MAPS}/{_NAME}", body)

    try:
        await _one(world, f"{_CONFIG_MAPS}/{_NAME}", _config_map(""))
        yield measure
    finally:
        await world.cluster.remove(_CONFIG_MAPS, _NAME)


async def _measured(world: World, key: str, path: str, body: dict[str, Any]) -> None:
    world.figures[key].values.append(await _one(world, path, body))


async def _one(world: World, path: str, body: dict[str, Any]) -> float:
    """Milliseconds of one write."""
    began = time.perf_counter()
    await world.cluster.rest.call("PATCH", path, body=body, content_type=MERGE_PATCH)
    return 1000 * (time.perf_counter() - began)


def _config_map(text: str) -> dict[str, Any]:
    labels = {LABEL: "control"}
    return {"metadata": {"name": _NAME, "labels": labels}, "data": {"text": text}}


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
