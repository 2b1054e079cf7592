"""The benchmark's runtimes, created from the installed Python runtime and removed at the end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from access.client import SESSION
from access.server import LABEL
from progress import say
from world import REUSE, REUSE_POOL, SINGLE, SINGLE_POOL

from cloche_api import meta

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from access.server import Cluster

_REMOVAL_SECONDS = 300.0
_POOLS = {
    SINGLE: {"size": SINGLE_POOL, "reuse": "Never"},
    REUSE: {"size": REUSE_POOL, "reuse": "SameTenant"},
}


@asynccontextmanager
async def runtimes(cluster: Cluster) -> AsyncIterator[None]:
    """Provide both runtimes with full pools for the block, then remove all that the run created."""
    python = await cluster.runtime("python")
    try:
        for name, pool in _POOLS.items():
            say(f"creating the runtime {name} with {pool['size']} Pods")
            await cluster.replace(cluster.runtimes, manifest(name, python["spec"], pool))
        await cluster.quiet()
        yield
    finally:
        say("removing what the run has created")
        async with asyncio.timeout(_REMOVAL_SECONDS):
            for name in _POOLS:
                await cluster.remove(cluster.runtimes, name)
            await cluster.remove_all(cluster.executions, f"{meta.LABEL_SESSION}={SESSION}")


def manifest(name: str, spec: dict[str, Any], pool: dict[str, Any]) -> dict[str, Any]:
    """Return a benchmark runtime: the spec of another, with this name and pool."""
    spec = {key: value for key, value in spec.items() if key != "aliases"}
    return {
        "apiVersion": meta.API_VERSION,
        "kind": "SandboxRuntime",
        "metadata": {"name": name, "labels": {LABEL: "runtime"}},
        "spec": spec | {"pool": pool},
    }
