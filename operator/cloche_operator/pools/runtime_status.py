"""Writes each runtime's status: waiting Pods, running executions and problems."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from cloche_api.meta import LABEL_RUNTIME, LABEL_STATE, STATE_WAITING
from cloche_kube.errors import ApiError, UnavailableError
from cloche_operator.model.execution import now

if TYPE_CHECKING:
    from cloche_api.resources.typed_dicts import ConditionDict, RuntimeStatusDict
    from cloche_operator.context import Context
    from cloche_operator.pools.manager import Pools
    from cloche_operator.pools.pool import Pool

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
        self._written: dict[str, RuntimeStatusDict] = {}

    async def write_for_ever(self) -> None:
        """Write changed statuses until cancelled. The next round repeats a failed write.

        A write wakes every client that watches the runtimes and so slows running programs. It
        waits until no program runs, but for `_LATEST_SECONDS` at most. It does not wait if there
        are new Pods, which executions can only name once they are shown.
        """
        latest = time.monotonic()
        while True:
            if self._pools.quiet or time.monotonic() >= latest or self._have_new_pods():
                await self._write_all()
                latest = time.monotonic() + _LATEST_SECONDS
            await asyncio.sleep(_SECONDS)

    def _have_new_pods(self) -> bool:
        for pool in self._pools:
            written = self._written.get(pool.runtime.uid, {})
            shown = {one["uid"] for one in written.get("waitingPods", [])}
            if any(one.uid not in shown for one in pool.shown):
                return True
        return False

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
            old = conditions.get(condition["type"])
            if old is not None and old["status"] == condition["status"]:
                condition["lastTransitionTime"] = old["lastTransitionTime"]
        if status != before:
            await self._ctx.kube.patch_runtime_status(pool.runtime.name, status)
            self._written[pool.runtime.uid] = status


def runtime_status(pool: Pool, shared: dict[str, str], *, full: bool) -> RuntimeStatusDict:
    """Return a runtime's status, with conditions that changed just now.

    `shared`: the aliases that another runtime has too, and its name.
    """
    generation = pool.runtime.generation
    conditions = [_ready(pool), _storage(full=full), _aliases(shared), _localhost(pool)]
    for condition in conditions:
        condition["observedGeneration"] = generation
    return {
        "wanted": pool.wanted,
        "ready": len(pool.waiting),
        "waitingPods": [{"name": one.name, "uid": one.uid} for one in pool.shown],
        "claimed": pool.running.total(),
        "starting": pool.starting,
        "selector": f"{LABEL_RUNTIME}={pool.runtime.name},{LABEL_STATE}={STATE_WAITING}",
        "hits": pool.hits,
        "misses": pool.misses,
        "healthFailures": pool.health_failures,
        "observedGeneration": generation,
        "conditions": conditions,
    }


def _ready(pool: Pool) -> ConditionDict:
    if pool.problem is not None:
        message = str(pool.problem)[:_MESSAGE_CHARACTERS]
        return _condition("Ready", "False", pool.problem.reason, message)
    if pool.proved:
        return _condition("Ready", "True", "PoolReady" if pool.wanted else "OnDemand")
    if pool.wanted:
        return _condition("Ready", "Unknown", "Starting", "The first Pod is starting.")
    # Ready, like a Deployment with no replicas, so that `helm --wait` does not wait for it.
    message = "The runtime has no pool: each execution starts a Pod. No Pod has started yet."
    return _condition("Ready", "True", "OnDemand", message)


def _storage(*, full: bool) -> ConditionDict:
    if full:
        message = "Execution storage is full: no new executions are run."
        return _condition("StorageAvailable", "False", "StorageFull", message)
    return _condition("StorageAvailable", "True", "SpaceLeft")


def _aliases(shared: dict[str, str]) -> ConditionDict:
    if not shared:
        return _condition("AliasesUnique", "True", "AliasesUnique")
    pairs = ", ".join(f"{alias} ({other})" for alias, other in sorted(shared.items()))
    message = f"Other runtimes have the same aliases or names: {pairs}. Only one of them gets each."
    return _condition("AliasesUnique", "False", "AliasTaken", message[:_MESSAGE_CHARACTERS])


def _localhost(pool: Pool) -> ConditionDict:
    reported = pool.localhost
    if reported is None:
        message = "No Pod has reported yet whether its programs can use localhost."
        return _condition("LocalhostAvailable", "Unknown", "NotReported", message)
    if not reported.addresses:
        return _condition("LocalhostAvailable", "False", "Unavailable", reported.problem)
    if reported.problem:
        message = f"Only {' and '.join(reported.addresses)}: {reported.problem}"
        return _condition("LocalhostAvailable", "True", "Partly", message)
    return _condition("LocalhostAvailable", "True", "Available")


def _condition(kind: str, status: str, reason: str, message: str = "") -> ConditionDict:
    since = now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": since,
    }
