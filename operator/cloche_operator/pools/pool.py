"""The waiting Pods of one runtime: which execution gets which, and how many are missing.

No I/O: the filler starts the Pods, and the manager removes them.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from typing import TYPE_CHECKING

from cloche_api.limits import WAITING_PODS
from cloche_api.resources import quantity
from cloche_api.resources.runtime import Reuse
from cloche_operator.pools.throttle import ActiveTenants, Backoff, Need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cloche_api.resources.amounts import UsedResources
    from cloche_operator.model.pod_manifest import PodShape
    from cloche_operator.model.status import EndedError
    from cloche_operator.pods.sandbox import Localhost, Sandbox
    from cloche_operator.state.cache import Runtime

_WORN_PART = 0.75
"""Part of the programs that a Pod may run, after which its successor is started. The Pods of a busy
pool reach their limit at the same time, and this leaves time to start others one by one."""
_ACTIVE_SECONDS = 60.0
"""How long a tenant leaves Pods to another one after that one's last program. A person who tries a
program again does so within a minute. It is not a number of programs, because a burst of one tenant
would hide the others."""
_LIFE_SECONDS = 3600.0
"""Maximum age of a reused Pod: what a program has left in the kernel does not stay forever."""
_LOSSES = 3
_WITHOUT_SECONDS = 600.0
"""After so many losses of waiting Pods in a row, Pods wait for so long without waiting processes.
Where the kernel kills all processes of a container if memory runs out, a process that is too large
for its Pod would end each Pod."""


class Pool:
    """The waiting Pods of one runtime, oldest first."""

    def __init__(self, runtime: Runtime, clock: Callable[[], float] = time.monotonic) -> None:
        self.runtime = runtime
        self.waiting: deque[Sandbox] = deque()
        self.starting = 0
        """Pods that are starting for this pool."""
        self.lent: set[Sandbox] = set()
        """Pods that run a program and will return."""
        self.running: Counter[str] = Counter()
        """Executions of this runtime that have a Pod or are about to get one, by tenant."""
        self.hits = self.misses = self.health_failures = 0
        """Executions that found a waiting Pod, those that did not, and Pods lost while waiting."""
        self.backoff = Backoff()
        self.problem: EndedError | None = None
        """Why Pods of this runtime cannot run, from the last attempt; None if they can."""
        self.proved = False
        """Whether a Pod of this runtime has run since its spec last changed."""
        self.localhost: Localhost | None = None
        """What the Pod that started last reports about localhost."""
        self._clock = clock
        self._losses = 0
        self._prestart_from = 0.0
        self._tenants: dict[Sandbox, str] = {}
        """The tenant whose programs a Pod has run, for the Pods that have run one."""
        self._named: dict[str, str] = {}
        """For each lent Pod whose execution names another Pod, that one, both as UIDs."""
        self._line: deque[tuple[str, asyncio.Future[Sandbox | None]]] = deque()
        self._active = ActiveTenants(_ACTIVE_SECONDS, clock)
        self._served: Counter[str] = Counter()
        """Pods that each tenant has got in line since the line was last empty."""

    @property
    def shape(self) -> PodShape:
        """The shape of its Pods, which have the runtime's default limits."""
        return self.runtime.default_shape

    @property
    def wanted(self) -> int:
        """Number of Pods that should wait."""
        return self.runtime.spec.pool.size

    @property
    def missing(self) -> int:
        """Number of Pods to start now; negative if there are too many."""
        return self.wanted - self._fresh - self.starting

    @property
    def prestart_frame(self) -> bytes | None:
        """What to send to a Pod that is about to wait, unless an execution in line gets it."""
        if self._line or self._clock() < self._prestart_from:
            return None
        return self.runtime.prestart_frame

    @property
    def need(self) -> Need:
        """How soon it may run out of Pods."""
        there = len(self.waiting) + len(self.lent)
        if self._line or not there:
            return Need.URGENT
        if there < math.ceil(self.wanted / 4):
            return Need.SHORT
        return Need.LOW if there < math.ceil(self.wanted / 2) else Need.LITTLE

    @property
    def reuses(self) -> bool:
        """Whether its Pods run more than one program."""
        return self.runtime.spec.pool.reuse is Reuse.SAME_TENANT

    def fits(self, used: UsedResources) -> bool:
        """Return whether its Pods have exactly these limits."""
        return _amounts(used) == _amounts(self.shape.used)

    def tenant_of(self, sandbox: Sandbox) -> str | None:
        """Return the tenant whose programs the Pod has run, or None if it has run none."""
        return self._tenants.get(sandbox)

    def take(self, tenant: str, uid: str | None = None) -> Sandbox | None:
        """Take the Pod that this tenant used before, or else the oldest unused one.

        A tenant with many running programs leaves half of the unused Pods to the others. `uid`:
        only that Pod, if it is as good as the one that would be taken otherwise.
        """
        self._active.came(tenant)
        for sandbox in self.eligible(tenant):
            if uid is None or sandbox.uid == uid:
                self.waiting.remove(sandbox)
                if sandbox.prestarted:
                    self._losses = 0
                self._lend(sandbox, tenant)
                return sandbox
        return None

    def take_instead(self, tenant: str, named: str) -> Sandbox | None:
        """Take a Pod for an execution that names one (`named`, its UID) which does not wait.

        The execution in that Pod may name another one, and so on. If the last of these waits, it is
        taken: a gateway counts it as used. So the gateway's next choice is a Pod that waits.
        """
        last, passed = named, set[str]()
        while last in self._named and last not in passed:
            passed.add(last)
            last = self._named[last]
        taken = self.take(tenant, last) or self.take(tenant)
        if taken is not None:
            self.lent_instead(taken, named)
        return taken

    def lent_instead(self, sandbox: Sandbox, named: str) -> None:
        """Note that the execution in a Pod names another Pod, by its UID."""
        if sandbox in self.lent:
            self._named[sandbox.uid] = named

    def eligible(self, tenant: str) -> list[Sandbox]:
        """Return the waiting Pods of which this tenant may take any, oldest first."""
        owners: list[str | None] = [tenant] if tenant else []
        if not self._leaves_half(tenant) or self._unused > self.wanted / 2:
            owners.append(None)
        for owner in owners:
            if found := [
                sandbox
                for sandbox in self.waiting
                if self.tenant_of(sandbox) == owner and not sandbox.spent
            ]:
                return found
        return []

    @property
    def shown(self) -> list[Sandbox]:
        """The Pods that executions may name: they wait, or will wait again."""
        there = sorted((*self.waiting, *self.lent), key=lambda sandbox: sandbox.name)
        return [sandbox for sandbox in there if not sandbox.spent][:WAITING_PODS]

    def has_pod_on_the_way(self, tenant: str) -> bool:
        """Return whether a Pod is coming that is not for an execution served earlier in line."""
        if self._leaves_half(tenant):
            return self._coming_back(tenant) > 0
        there = Counter(name for name, _ in self._line)
        turn = self._served_before(tenant) + there[tenant]
        before = there[tenant] + sum(
            min(count, max(0, turn - self._served[name] + 1))
            for name, count in there.items()
            if name != tenant
        )
        return self.starting + self._coming_back(tenant) > before

    async def stand_in_line(self, tenant: str, seconds: float) -> Sandbox | None:
        """Wait in line for the tenant's next Pod; None if there is none within `seconds`."""
        turn: asyncio.Future[Sandbox | None] = asyncio.get_running_loop().create_future()
        place = (tenant, turn)
        self._served[tenant] = self._served_before(tenant)
        self._line.append(place)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(turn)
        except TimeoutError:
            return turn.result() if turn.done() else None
        except asyncio.CancelledError:
            if turn.done() and (sandbox := turn.result()):
                self.put(sandbox)
            raise
        finally:
            if place in self._line:
                self._line.remove(place)
            if not self._line:
                self._served.clear()

    def put(self, sandbox: Sandbox) -> None:
        """Give a ready Pod to the tenant in line that has got the fewest, or let it wait."""
        self.lent.discard(sandbox)
        self._named.pop(sandbox.uid, None)
        tenant = self.tenant_of(sandbox)
        may = [
            place
            for place in self._line
            if not place[1].done() and tenant in (None, place[0] or None)
        ]
        if not may:
            self.waiting.append(sandbox)
            return
        place = min(may, key=lambda place: self._served[place[0]])
        served, turn = place
        self._line.remove(place)
        self._served[served] += 1
        self._lend(sandbox, served)
        turn.set_result(sandbox)

    def lost(self, sandbox: Sandbox) -> None:
        """Record that a Pod was lost while it waited."""
        self.health_failures += 1
        self._losses += sandbox.prestarted
        if self._losses >= _LOSSES:
            self._losses, self._prestart_from = 0, self._clock() + _WITHOUT_SECONDS

    def fail_last_waiter(self) -> None:
        """End the wait of the last in line, because a Pod did not start."""
        while self._line:
            _, turn = self._line.pop()
            if not turn.done():
                turn.set_result(None)
                return

    def failed(self) -> bool:
        """Record that a Pod did not start. Return whether that shows a problem of the runtime.

        If its Pods have run before, the first failure may be the node's, for example because
        containerd was restarted.
        """
        self.backoff.failed()
        return not self.proved or self.backoff.failures > 1

    def drop(self, sandbox: Sandbox) -> None:
        """Forget a Pod. An unknown one is not an error."""
        self.lent.discard(sandbox)
        self._named.pop(sandbox.uid, None)
        self._tenants.pop(sandbox, None)
        if sandbox in self.waiting:
            self.waiting.remove(sandbox)

    def surplus(self) -> Iterator[Sandbox]:
        """Remove and yield the waiting Pods to delete: spent, outdated, used, worn, too many."""
        for sandbox in list(self.waiting):
            used = self.tenant_of(sandbox) is not None and not self.reuses
            if used or sandbox.spent or sandbox.shape != self.shape:
                self.waiting.remove(sandbox)
                yield sandbox
            elif self._is_worn(sandbox) and self._fresh >= self.wanted:
                self.waiting.remove(sandbox)  # its successor is ready
                yield sandbox
        while self.missing < 0 and self.waiting:
            yield self.waiting.pop()

    def evict_other_tenant(self, tenant: str) -> Sandbox | None:
        """Remove and return the Pod that has waited longest for another tenant, if any."""
        for sandbox in self.waiting:
            if self.tenant_of(sandbox) not in (None, tenant):
                self.waiting.remove(sandbox)
                return sandbox
        return None

    def comes_back(self, sandbox: Sandbox) -> bool:
        """Return whether a Pod that has run its program may wait for the same tenant again."""
        return (
            self.reuses
            and bool(self.tenant_of(sandbox))
            and sandbox in self.lent
            and not sandbox.spent
            and sandbox.shape == self.shape
            and sandbox.age < _LIFE_SECONDS
        )

    def _leaves_half(self, tenant: str) -> bool:
        """Return whether a tenant runs more than half of the pool's size, and others run programs.

        Otherwise a tenant whose programs come in bursts would take all Pods each time, and the
        other tenants would wait for a start.
        """
        if self.running[tenant] <= self.wanted / 2:
            return False
        # A tenant in line is active, however long it waits.
        active = self._active.now() | {name for name, _ in self._line}
        return bool(active - {tenant})

    @property
    def _unused(self) -> int:
        """Waiting Pods that any tenant may get."""
        return sum(self.tenant_of(sandbox) is None for sandbox in self.waiting)

    @property
    def _fresh(self) -> int:
        """Pods that need no successor yet."""
        return sum(not self._is_worn(sandbox) for sandbox in (*self.waiting, *self.lent))

    def _is_worn(self, sandbox: Sandbox) -> bool:
        """Return whether it has run enough programs for its successor to be started."""
        most = self.runtime.spec.pool.max_executions_per_pod
        return self.reuses and sandbox.runs > _WORN_PART * most

    def _lend(self, sandbox: Sandbox, tenant: str) -> None:
        last = sandbox.runs + 1 >= self.runtime.spec.pool.max_executions_per_pod
        if self.reuses and tenant and not last:
            self._tenants[sandbox] = tenant
            self.lent.add(sandbox)

    def _served_before(self, tenant: str) -> int:
        """Return the Pods that count as served to a tenant: a newcomer counts as the least."""
        least = min((self._served[name] for name, _ in self._line), default=0)
        return max(self._served[tenant], least)

    def _coming_back(self, tenant: str) -> int:
        return sum(1 for sandbox in self.lent if tenant and self.tenant_of(sandbox) == tenant)


def _amounts(used: UsedResources) -> tuple[object, ...]:
    return tuple(quantity.parse(amount) for amount in (used.cpu, used.memory, used.disk))
