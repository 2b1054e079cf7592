"""One API write: the unit of warm overhead.

It is measured under the conditions of a request: one write before each request, on an idle node.
Consecutive writes, which are faster, are a separate row.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from access.server import LABEL, UNWATCHED

from cloche_api import meta
from cloche_kube.client import MERGE_PATCH
from cloche_operator.model.execution import now, timestamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from world import World

_NAME = "cloche-bench-write"
_BYTES = 1024
_CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
_CONTROLS = 3
"""Writes in one measurement, because a single write varies as much as a request."""


async def in_a_row(world: World, count: int) -> None:
    """Measure consecutive writes."""
    async with writes(world, "row") as write:
        for _ in range(count):
            await write()


@asynccontextmanager
async def writes(world: World, key: str = "write") -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Provide a function that patches the status of a SandboxExecution of 1 KiB and measures it."""
    made = await world.cluster.replace(UNWATCHED, _manifest())
    uid = made["metadata"]["uid"]

    async def measure() -> None:
        await _measured(world, key, f"{UNWATCHED}/{_NAME}/status", _patch(uid))

    try:
        await _one(world, f"{UNWATCHED}/{_NAME}/status", _patch(uid))  # opens the connection
        yield measure
    finally:
        await world.cluster.remove(UNWATCHED, _NAME)


@asynccontextmanager
async def controls(world: World, key: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Provide a function that patches a ConfigMap of 1 KiB several times and measures it.

    No revision of Cloche takes part in this, so it measures the machine's momentary speed.
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
    """Return the milliseconds of one write."""
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
    """Return a different status each time, because the API server skips unchanged writes."""
    return {
        "metadata": {"uid": uid},
        "status": {"phase": "Running", "podName": "sbx-bench", "claimedTime": timestamp(now())},
    }
