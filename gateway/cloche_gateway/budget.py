"""One budget in bytes for what the process keeps for its clients, with a share for each tenant.

Whatever a client can make the gateway keep is charged here before it is kept: bodies and what was
parsed from them, and answers that are not yet taken. A charge that does not fit is refused. Before
that, charges that may be cut (the connection of a client that does not take its answer) are cut,
the largest of the tenant with the most of them first.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cloche_gateway.errors import OverloadedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1024 * 1024
_OWN_BYTES = 192 * MIB
"""What the process takes besides: 95 MiB once it has started, 45 for 2000 idle connections, and
the rest for caches of what the API server sent."""
_CHARGED_SHARE = 0.6
"""Of what is left. A charge counts bytes as they are stored; objects around them, copies on their
way to a socket and memory that the allocator has not returned yet take the rest."""


def size_for(limit_bytes: int) -> int:
    """The budget of a process that may take so many bytes: 192 MiB of the chart's 512 MiB."""
    return int((limit_bytes - _OWN_BYTES) * _CHARGED_SHARE)


class Charge:
    """So many bytes of the budget, held for one purpose until `release`."""

    def __init__(self, budget: Budget, tenant: str | None, cut: Callable[[], None] | None) -> None:
        self._budget = budget
        self.tenant = tenant
        self.cut = cut
        self.bytes = 0

    def resize(self, count: int) -> None:
        """Hold `count` bytes from now on.

        Raises:
            OverloadedError: there is no room for that many; the charge stays as it was.
        """
        self._budget.resize(self, count)

    def release(self) -> None:
        """Give all of it back. It may be resized again afterwards."""
        self._budget.resize(self, 0)


class Budget:
    """`total` bytes for all, of which one tenant holds at most `share` (0 < share <= 1).

    Clients without a key share one tenant, None.
    """

    def __init__(self, total: int, share: float) -> None:
        self.total = total
        self.most = int(total * share)
        """What one tenant holds at most."""
        self.used = 0
        self._tenants: dict[str | None, int] = {}
        self._cuttable: dict[str | None, set[Charge]] = {}

    def of(self, tenant: str | None) -> int:
        """The bytes that a tenant holds."""
        return self._tenants.get(tenant, 0)

    def charge(
        self, tenant: str | None, count: int = 0, *, cut: Callable[[], None] | None = None
    ) -> Charge:
        """Hold `count` bytes for a tenant.

        A charge with `cut` may be ended by the budget when room is needed: it is released first,
        then `cut` is called, which must drop the bytes without using the budget.

        Raises:
            OverloadedError: there is no room for that many.
        """
        made = Charge(self, tenant, cut)
        self.resize(made, count)
        return made

    @contextlib.contextmanager
    def charged(self, tenant: str | None, count: int = 0) -> Iterator[Charge]:
        """Hold `count` bytes within the block, or what the charge is resized to.

        Raises:
            OverloadedError: as `charge`.
        """
        made = self.charge(tenant, count)
        try:
            yield made
        finally:
            made.release()

    def resize(self, charge: Charge, count: int) -> None:
        """As `Charge.resize`."""
        more = count - charge.bytes
        tenant = charge.tenant
        while more > 0 and self.of(tenant) + more > self.most:
            own = {tenant: self._cuttable.get(tenant, set())}
            if not _cut_one(own, charge, count):
                raise OverloadedError(
                    f"of this tenant {self.of(tenant) // MIB} MiB of requests and answers are "
                    f"under way, and {self.most // MIB} MiB is the most at a time: "
                    "wait for some of them, or read answers faster"
                )
        while more > 0 and self.used + more > self.total:
            if not _cut_one(self._cuttable, charge, count):
                raise OverloadedError(
                    f"{self.used // MIB} MiB of requests and answers are under way, and "
                    f"{self.total // MIB} MiB is the most at a time: please try again later"
                )
        self._hold(charge, count)

    def _hold(self, charge: Charge, count: int) -> None:
        tenant, more = charge.tenant, count - charge.bytes
        charge.bytes = count
        self.used += more
        left = self.of(tenant) + more
        if left:
            self._tenants[tenant] = left
        else:
            self._tenants.pop(tenant, None)
        if charge.cut is None:
            return
        if count:
            self._cuttable.setdefault(tenant, set()).add(charge)
        elif tenant in self._cuttable:
            self._cuttable[tenant].discard(charge)
            if not self._cuttable[tenant]:
                del self._cuttable[tenant]


def _cut_one(among: dict[str | None, set[Charge]], asking: Charge, wanted: int) -> bool:
    """Cut the largest charge of the tenant that holds most of these; whether one was cut.

    The charge that asks for `wanted` bytes counts with those where it may be cut itself. Where it
    would be the one, nothing is cut: its owner gets the error, and ends it.
    """

    def size(one: Charge) -> int:
        return wanted if one is asking else one.bytes

    most = max(among.values(), key=lambda charges: sum(map(size, charges)), default=set())
    candidates = most | {asking} if asking.cut is not None else most - {asking}
    victim = max(candidates, key=size, default=asking)
    if victim is asking or victim.cut is None:
        return False
    victim.release()
    victim.cut()
    return True
