"""All pools: hands out and removes Pods. `filler` starts missing ones, `pod_lease` returns used."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cloche_api.resources.phases import Reason
from cloche_kube.errors import ApiError
from cloche_kube.tasks import Background
from cloche_operator.model.diagnosis import is_leaving, lacks_node
from cloche_operator.pods.start import Starting, greet
from cloche_operator.pools import placement
from cloche_operator.pools.pool import Pool
from cloche_operator.pools.throttle import Pace, Starts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloche_api.resources.amounts import UsedResources
    from cloche_operator.context import Context
    from cloche_operator.model.pod import Pod
    from cloche_operator.model.pod_manifest import PodShape
    from cloche_operator.model.status import EndedError
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.state.cache import Runtime

_THE_IMAGE_S = frozenset({Reason.IMAGE_PULL_FAILED})
"""Problems that do not depend on a Pod's limits."""
_END_SECONDS = 6.0
"""Seconds for a container to end with its input, and for the kubelet to report it, which looks at
the containers once a second."""
_COLD_START_SECONDS = 1.0  # about the time of a cold start: no execution waits in line longer

log = logging.getLogger(__name__)


class Pools:
    """The pools of all runtimes."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._starting = Starting()
        self.starts = Starts(self._most_starts, ctx.capacity.usage.part)
        """Limits the Pods that start at a time, by tenant."""
        self.pace = Pace(ctx.settings.start_concurrency)
        """Decides how many Pods may start for the pools while programs run."""
        self._pools: dict[str, Pool] = {}
        self.changed = asyncio.Event()
        """Set when Pods may be missing or surplus. The filler clears it."""
        self.background = Background()
        """Starts and removals of Pods that nothing waits for."""
        self._held: dict[str, Sandbox] = {}
        ctx.metrics.attachments.set_function(lambda: len(self._held))
        ctx.metrics.waiting.set_function(lambda: sum(len(p.waiting) for p in self))
        ctx.metrics.without_node.set_function(lambda: len(ctx.pods.without_node))

    def __iter__(self) -> Iterator[Pool]:
        """Iterate over all pools."""
        return iter(list(self._pools.values()))

    def of(self, runtime: str) -> Pool | None:
        """Return the pool of the runtime with this name, or None."""
        return self._pools.get(runtime)

    def holds(self, pod_uid: str) -> bool:
        """Return whether the Pod with this uid is attached to this operator."""
        return pod_uid in self._held

    def _most_starts(self) -> int:
        """Return two per core, at least `start_concurrency`: more at a time are not faster."""
        return max(self._ctx.settings.start_concurrency, int(2 * self._ctx.capacity.space.cores))

    @property
    def quiet(self) -> bool:
        """Whether no program runs that could be slowed down."""
        return self.pace.quiet

    def runtime_seen(self, runtime: Runtime) -> None:
        """Update a runtime's pool. Its waiting Pods of another shape will be removed."""
        pool = self._pools.setdefault(runtime.name, Pool(runtime))
        if runtime.generation != pool.runtime.generation:
            pool.backoff.succeeded()  # the change may have solved the problem
        if runtime.uid != pool.runtime.uid or runtime.default_shape != pool.shape:
            pool.problem, pool.proved, pool.localhost = None, False, None
        pool.runtime = runtime
        self.changed.set()

    def runtime_gone(self, name: str) -> None:
        """Remove a deleted runtime's pool and its waiting Pods."""
        if pool := self._pools.pop(name, None):
            for sandbox in list(pool.waiting):
                self.remove(sandbox)

    def pod_seen(self, pod: Pod, *, deleted: bool) -> None:
        """Handle a change of a Pod.

        A Pod that is being removed is not used any more, even if it still answers. If no node
        accepts a program's Pod, a waiting Pod is removed to make room for it.
        """
        sandbox = self._held.get(pod.uid)
        if sandbox is not None and (deleted or is_leaving(pod)):
            self.lost(sandbox)
        elif (
            not deleted
            and lacks_node(pod)
            and (other := placement.given_up_for(self._ctx, pod, self))
        ):
            log.info("Pod %s is removed to make room for %s", other.name, pod.name)
            self.remove(other)

    async def take(
        self, runtime: Runtime, used: UsedResources, tenant: str, named: str | None = None
    ) -> tuple[Sandbox | None, bool]:
        """Return the Pod for an execution, and whether it was waiting.

        If a Pod will be free soon, this waits for it. Without a Pod, the caller must start one.
        `named`: the UID of the Pod that the execution names, if `take_named` has not returned it.
        """
        pool = self._pools.get(runtime.name)
        if pool is None or not pool.wanted or not pool.fits(used):
            return None, False
        sandbox = pool.take(tenant) if named is None else pool.take_instead(tenant, named)
        warm = sandbox is not None
        if warm:
            pool.hits += 1
            self._ctx.metrics.hits.labels(runtime.name).inc()
        else:
            pool.misses += 1
            self._ctx.metrics.misses.labels(runtime.name).inc()
            if other := pool.evict_other_tenant(tenant):
                self.remove(other)
            if pool.has_pod_on_the_way(tenant):
                self.changed.set()
                sandbox = await pool.stand_in_line(tenant, _COLD_START_SECONDS)
                if sandbox is not None and named is not None:
                    pool.lent_instead(sandbox, named)
        self.changed.set()
        return sandbox, warm

    def take_named(
        self, runtime: Runtime, used: UsedResources, tenant: str, uid: str
    ) -> Sandbox | None:
        """Return the waiting Pod with this uid, if the execution may get it at once."""
        pool = self._pools.get(runtime.name)
        if pool is None or not pool.wanted or not pool.fits(used):
            return None
        if (sandbox := pool.take(tenant, uid)) is not None:
            pool.hits += 1
            self._ctx.metrics.hits.labels(runtime.name).inc()
            self.changed.set()
        return sandbox

    def has_waiting(self, runtime: Runtime, used: UsedResources, tenant: str) -> bool:
        """Return whether `take` would return a Pod at once."""
        pool = self._pools.get(runtime.name)
        return (
            pool is not None
            and bool(pool.wanted)
            and pool.fits(used)
            and bool(pool.eligible(tenant))
        )

    @contextmanager
    def working(self, runtime: Runtime, tenant: str) -> Iterator[None]:
        """Count an execution that has a Pod, or gets one, within this block."""
        pool = self._pools.get(runtime.name) or Pool(runtime)
        pool.running[tenant] += 1
        self.starts.active(tenant)
        try:
            with self.pace.working():
                yield
        finally:
            pool.running[tenant] -= 1
            pool.running += Counter()  # forgets tenants without running executions
            self.changed.set()

    async def opened(self, pod: Pod, shape: PodShape) -> Sandbox:
        """Attach to a Pod as soon as it answers, greet it, and register it as attached.

        Raises:
            EndedError: it cannot start, did not in time, or does not support this protocol.
            NeverStartedError: the connection was lost; nothing was sent.
        """
        sandbox = await self._starting.opened(self._ctx, pod, shape)
        self._held[sandbox.uid] = sandbox
        try:
            await greet(self._ctx, sandbox)
        except BaseException:
            del self._held[sandbox.uid]
            await sandbox.close()
            raise
        return sandbox

    def remove(self, sandbox: Sandbox) -> None:
        """Remove a Pod in the background."""
        self.background.start(self.removed(sandbox))

    def retire(self, sandbox: Sandbox) -> None:
        """Remove a Pod whose program has ended, in the background, with the fewest requests."""
        self.background.start(self._retired(sandbox))

    async def _retired(self, sandbox: Sandbox) -> None:
        """Close the Pod's input, which ends its container, and delete it once it has ended.

        The API server removes a Pod in a final phase at once. The kubelet then has no container to
        stop and no deletion to confirm, which saves an Event, two status updates and a DELETE. A
        Pod that does not end is deleted all the same.
        """
        for pool in self:
            pool.drop(sandbox)
        self.changed.set()
        await sandbox.close()
        clock = asyncio.get_running_loop().time
        deadline = clock() + _END_SECONDS
        while (pod := self._ctx.pods.get(sandbox.name, sandbox.uid)) and not pod.has_ended:
            if (left := deadline - clock()) <= 0:
                break
            await self._ctx.pods.changed(sandbox.name, left)
        await self.removed(sandbox)

    async def removed(self, sandbox: Sandbox) -> None:
        """Close the connection to a Pod and delete it."""
        for pool in self:
            pool.drop(sandbox)
        self.changed.set()
        self._ctx.metrics.garbage.inc(sandbox.garbage)
        await self._ctx.uses.ended(sandbox.name)
        try:
            await self._ctx.kube.ensure_pod_deleted(sandbox.name, sandbox.uid)
        except ApiError as error:  # for example forbidden: the sweep tries again
            log.info("Pod %s is not deleted: %s", sandbox.name, error)
        finally:
            self._held.pop(sandbox.uid, None)
            await sandbox.close()

    def proved(self, runtime: Runtime) -> bool:
        """Return whether the last Pod of this runtime that was tried has run."""
        pool = self._pools.get(runtime.name)
        return pool is not None and pool.proved and pool.problem is None

    def started(self, runtime: Runtime, shape: PodShape, sandbox: Sandbox) -> None:
        """Record that a Pod of this runtime and shape has started, and what it reports."""
        self.tried(runtime, shape, None)
        if pool := self._pools.get(runtime.name):
            pool.localhost = sandbox.localhost

    def tried(self, runtime: Runtime, shape: PodShape, problem: EndedError | None) -> None:
        """Record that a Pod of this runtime and shape has started, or why it has not.

        The failure of a Pod with a client's own limits is not attributed to the runtime, because
        the limits may be too small for it.
        """
        pool = self._pools.get(runtime.name)
        if pool is None or pool.shape != runtime.default_shape:
            return  # of a deleted runtime or an outdated spec
        if problem is not None and shape != pool.shape and problem.reason not in _THE_IMAGE_S:
            return
        pool.problem = problem
        if problem is None:
            pool.proved = True
            pool.backoff.succeeded()
        self.changed.set()

    async def close(self) -> None:
        """Close every connection. The Pods are left to the next operator."""
        self.background.cancel()
        await asyncio.gather(*(sandbox.close() for sandbox in list(self._held.values())))

    def lost(self, sandbox: Sandbox) -> None:
        """Remove a waiting Pod that cannot be used any more."""
        for pool in self:
            if sandbox in pool.waiting:
                log.warning("Pod %s was lost while it waited", sandbox.name)
                pool.lost(sandbox)
                self._ctx.metrics.health_failures.labels(pool.runtime.name).inc()
                self.remove(sandbox)
