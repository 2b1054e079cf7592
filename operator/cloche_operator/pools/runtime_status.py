"""Writes each runtime's status: waiting Pods, running executions and problems."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from cloche_kube.errors import ApiError, UnavailableError
from cloche_operator.model.execution import now

if TYPE_CHECKING:
    from cloche_operator.pools.manager import Pools
    from cloche_operator.pools.pool import Pool
    from cloche_operator.state.context import Context

_SECONDS = 1.0
"""Seconds between two checks for changed statuses."""
_LATEST_SECONDS = 5.0
"""Seconds after which changed statuses are written even while programs run."""
_MESSAGE_CHARACTERS = 1000

log = logging.getLogger(__name__)


class RuntimeStatusWriter:
    """Writes each runtime's status when it has changed, at most once a second."""

    def __init__(self, ctx: Context, pools: Pools) -> None:
        self._ctx = ctx
        self._pools = pools
        self._written: dict[str, dict[str, Any]] = {}

    async def write_for_ever(self) -> None:
        """Write changed statuses until cancelled. The next round repeats a failed write.

        A write wakes every client that watches the runtimes and so slows running programs. It
        waits until no program runs, but for `_LATEST_SECONDS` at most.
        """
        latest = time.monotonic()
        while True:
            if self._pools.quiet or time.monotonic() >= latest:
                await self._write_all()
                latest = time.monotonic() + _LATEST_SECONDS
            await asyncio.sleep(_SECONDS)

    async def _write_all(self) -> None:
        for pool in self._pools:
            try:
                await self._write(pool)
            except ApiError as error:
                log.info("status of runtime %s: %s", pool.runtime.name, error)
            except UnavailableError:
                return

    async def _write(self, pool: Pool) -> None:
        before = self._written.get(pool.runtime.uid, {})
        shared = self._ctx.runtimes.shared_aliases(pool.runtime)
        status = runtime_status(pool, shared, full=self._ctx.records.full)
        conditions = {c["type"]: c for c in before.get("conditions", [])}
        for condition in status["conditions"]:
            old = conditions.get(condition["type"], {})
            since = old.get("lastTransitionTime")
            if since is None or old["status"] != condition["status"]:
                since = now().strftime("%Y-%m-%dT%H:%M:%SZ")
            condition["lastTransitionTime"] = since
        if status != before:
            await self._ctx.kube.patch_runtime_status(pool.runtime.name, status)
            self._written[pool.runtime.uid] = status


def runtime_status(pool: Pool, shared: dict[str, str], *, full: bool) -> dict[str, Any]:
    """Return a runtime's status without the conditions' transition times. Pure.

    `shared`: the aliases that another runtime has too, and its name.
    """
    generation = pool.runtime.generation
    return {
        "wanted": pool.wanted,
        "ready": len(pool.waiting),
        "claimed": pool.running.total(),
        "starting": pool.starting,
        "hits": pool.hits,
        "misses": pool.misses,
        "healthFailures": pool.health_failures,
        "observedGeneration": generation,
        "conditions": [
            {"type": kind, "observedGeneration": generation, **condition}
            for kind, condition in (
                ("Ready", _ready(pool)),
                ("StorageAvailable", _storage(full=full)),
                ("AliasesUnique", _aliases(shared)),
            )
        ],
    }


def _ready(pool: Pool) -> dict[str, Any]:
    if pool.problem is not None:
        message = str(pool.problem)[:_MESSAGE_CHARACTERS]
        return {"status": "False", "reason": pool.problem.reason, "message": message}
    if pool.proved:
        reason = "PoolReady" if pool.wanted else "OnDemand"
        return {"status": "True", "reason": reason, "message": ""}
    if pool.wanted:
        return {"status": "Unknown", "reason": "Starting", "message": "Its first Pod starts."}
    # Ready, like a Deployment with no replicas, so that `helm --wait` does not wait for it.
    message = "It has no pool: each program starts a Pod. None was started yet."
    return {"status": "True", "reason": "OnDemand", "message": message}


def _storage(*, full: bool) -> dict[str, Any]:
    if full:
        message = "The stored executions take all their space: nothing new is run."
        return {"status": "False", "reason": "StorageFull", "message": message}
    return {"status": "True", "reason": "SpaceLeft", "message": ""}


def _aliases(shared: dict[str, str]) -> dict[str, Any]:
    if not shared:
        return {"status": "True", "reason": "AliasesUnique", "message": ""}
    pairs = ", ".join(f"{alias} ({other})" for alias, other in sorted(shared.items()))
    message = f"Other runtimes have the same aliases or names: {pairs}. Only one of them gets each."
    return {
        "status": "False",
        "reason": "AliasTaken",
        "message": message[:_MESSAGE_CHARACTERS],
    }
