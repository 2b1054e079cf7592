"""Ten thousand executions in etcd: created, kept during a measurement, removed."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from access.server import LABEL
from access.tenants import as_gateway
from progress import say

from cloche_api import meta
from cloche_api.resources.phases import UNFINISHED
from cloche_kube.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from access.server import Cluster
    from world import World

_SELECTOR = f"{LABEL}=stored"
_SMALL, _LARGE = 2 * 1024, 500 * 1024
_TENANTS = 5  # so that no tenant exceeds its storage limit
_TTL_SECONDS = 24 * 3600
_END_SECONDS = 300.0


@asynccontextmanager
async def stored(world: World) -> AsyncIterator[None]:
    """Store ended executions of other tenants for the block.

    They are created as cancelled, so that the operator ends them at once in the usual way.
    """
    cluster, sizes = world.cluster, world.sizes
    count = sizes.stored_small + sizes.stored_large
    say(f"storing {count} executions")
    try:
        async with as_gateway(cluster) as gateway:
            await cluster.at_once(
                _created(gateway, cluster, manifest)
                for manifest in _manifests(sizes.stored_small, sizes.stored_large)
            )
        async with asyncio.timeout(_END_SECONDS):
            while await _unfinished(cluster):
                await asyncio.sleep(0.5)
        yield
    finally:
        say("removing the stored executions")
        await cluster.remove_all(cluster.executions, _SELECTOR)


async def remove_left(cluster: Cluster) -> None:
    """Remove the leftovers of a killed run."""
    await cluster.remove_all(cluster.executions, _SELECTOR)


async def _created(gateway: Any, cluster: Cluster, manifest: dict[str, Any]) -> None:
    while True:
        try:
            await gateway.call("POST", cluster.executions, body=manifest)
        except UnavailableError:
            await asyncio.sleep(1)  # too many requests at once for the API server
            manifest["metadata"]["name"] = str(uuid.uuid4())
        else:
            return


async def _unfinished(cluster: Cluster) -> bool:
    params = {"limit": "1", "labelSelector": _SELECTOR, "fieldSelector": UNFINISHED}
    return bool((await cluster.rest.call("GET", cluster.executions, params=params))["items"])


def _manifests(small: int, large: int) -> Iterator[dict[str, Any]]:
    """Return all manifests, with the large ones distributed among the small ones."""
    every = (small + large) // large
    for number in range(small + large):
        size = _LARGE if number % every == 0 and number // every < large else _SMALL
        yield _manifest(size, f"bench-{number % _TENANTS}")


def _manifest(size: int, tenant: str) -> dict[str, Any]:
    half = (size - 600) // 2  # the rest: names, times and the status
    return {
        "apiVersion": meta.API_VERSION,
        "kind": "SandboxExecution",
        "metadata": {
            "name": str(uuid.uuid4()),
            "labels": {LABEL: "stored", meta.LABEL_TENANT: tenant},
        },
        "spec": {
            "language": "python",
            "code": "#" * half,
            "stdin": "x" * half,
            "tenant": tenant,
            "ttlSecondsAfterFinished": _TTL_SECONDS,
            "cancel": True,
        },
    }
