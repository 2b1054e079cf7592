"""Keeps the pools full: starts missing Pods and removes surplus ones."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING

from cloche_operator.model.pod_manifest import waiting_pod
from cloche_operator.model.status import EndedError, NeverStartedError
from cloche_operator.pods.start import create_whatever_happens
from cloche_operator.pools import placement
from cloche_operator.pools.throttle import Need

if TYPE_CHECKING:
    from cloche_operator.context import Context
    from cloche_operator.model.pod import Pod
    from cloche_operator.pools.manager import Pools
    from cloche_operator.pools.pool import Pool
    from cloche_operator.state.cache import Runtime

_LOOK_SECONDS = 0.1  # between two checks while Pods are missing and may not start yet

log = logging.getLogger(__name__)


class Filler:
    """Starts the Pods of the pools in the background."""

    def __init__(self, ctx: Context, pools: Pools) -> None:
        self._ctx = ctx
        self._pools = pools

    async def fill_for_ever(self) -> None:
        """At each change, start missing Pods and remove surplus ones, until cancelled."""
        while True:
            self._pools.changed.clear()
            waits = [self._fill(pool) for pool in sorted(self._pools, key=lambda p: -p.need)]
            seconds = min((s for s in waits if s is not None), default=None)
            try:
                async with asyncio.timeout(seconds):
                    await self._pools.changed.wait()
            except TimeoutError:
                pass

    def _fill(self, pool: Pool) -> float | None:
        """Start and remove what may be now. Return the seconds to the next check, or None."""
        for sandbox in pool.surplus():
            self._pools.remove(sandbox)
        while pool.missing > 0:
            if pause := pool.backoff.seconds:
                return pause
            if not self._pools.pace.allows(sum(p.starting for p in self._pools), pool.need):
                return _LOOK_SECONDS
            if pool.problem is not None and pool.starting:
                return None  # one at a time, until one works
            if not placement.is_for_pool(self._ctx, pool.runtime):
                return _LOOK_SECONDS
            self._pools.pace.started()
            pool.starting += 1
            self._pools.background.start(self._start(pool, pool.runtime))
        return None

    async def _start(self, pool: Pool, runtime: Runtime) -> None:
        """Start one Pod for a pool."""
        shape = runtime.default_shape
        name = f"sbx-{runtime.name[:40].rstrip('.-')}-{secrets.token_hex(5)}"
        made: list[Pod] = []
        try:
            async with self._pools.starts.one(""):
                pod = await create_whatever_happens(
                    self._ctx,
                    lambda user: waiting_pod(shape, user, name, self._ctx.settings),
                    made.append,
                )
                sandbox = await self._pools.opened(pod, shape, lambda: pool.need >= Need.SHORT)
            await sandbox.prestart(pool.prestart_frame)
        except (EndedError, NeverStartedError) as problem:
            self._not_started(pool, runtime, problem)
            for of in made:
                await self._ctx.kube.ensure_pod_deleted(of.name, of.uid)
            return
        finally:
            pool.starting -= 1
            self._pools.changed.set()
        self._pools.started(runtime, shape, sandbox)
        sandbox.call_when_spent(self._pools.lost)
        stale = self._pools.of(runtime.name) is not pool or sandbox.shape != pool.shape
        if stale or sandbox.spent:
            await self._pools.removed(sandbox)
            return
        pool.put(sandbox)

    def _not_started(
        self, pool: Pool, runtime: Runtime, problem: EndedError | NeverStartedError
    ) -> None:
        """Record that a Pod did not start, and whether that is a problem of the runtime."""
        pool.fail_last_waiter()
        if isinstance(problem, NeverStartedError):
            log.warning("the connection to a Pod for runtime %s was lost", runtime.name)
            pool.backoff.failed()
            return
        log.warning(
            "a Pod for runtime %s did not start: %s: %s", runtime.name, problem.reason, problem
        )
        self._ctx.events.runtime_failed(runtime, problem.reason, f"Pod of the pool: {problem}")
        if pool.failed():
            self._pools.tried(runtime, runtime.default_shape, problem)
