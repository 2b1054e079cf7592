"""A budget in bytes for what a process keeps for its clients, with a share for each tenant.

Everything that a client can make a process keep is charged here first. A charge that does not fit
is refused or waits for its turn. Before a charge is refused, charges that may be cut are cut, such
as the connection of a client that does not read its response. The largest charge of the tenant with
the most is cut first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from cloche_api.limits import MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class FullError(Exception):
    """The budget has no room for the bytes."""


class Charge:
    """Bytes of the budget, held for one purpose until `release`."""

    def __init__(
        self, budget: ByteBudget, tenant: str | None, cut: Callable[[], None] | None = None
    ) -> None:
        self._budget = budget
        self.tenant = tenant
        self.cut = cut
        self.bytes = 0

    def resize(self, count: int) -> None:
        """Hold `count` bytes from now on.

        Raises:
            FullError, or the budget's own: there is no room; the charge stays unchanged.
        """
        self._budget.resize(self, count)

    def release(self) -> None:
        """Release all bytes. The charge may be resized again afterwards."""
        self._budget.resize(self, 0)


class ByteBudget:
    """`total` bytes, of which one tenant holds at most `share` (0 < share <= 1).

    Clients without a key, and everything that has no tenant, share the tenant None.
    """

    def __init__(self, total: int, share: float = 1.0) -> None:
        self.total = total
        self.most = int(total * share)
        """The most that one tenant may hold."""
        self.used = 0
        self._tenants: dict[str | None, int] = {}
        self._cuttable: dict[str | None, set[Charge]] = {}
        self._line: deque[tuple[Charge, int, asyncio.Future[None]]] = deque()

    def of(self, tenant: str | None) -> int:
        """Return the bytes that a tenant holds."""
        return self._tenants.get(tenant, 0)

    def refusal(self, used: int, most: int, *, of_tenant: bool) -> Exception:
        """Return the error to raise when `used` of `most` bytes, of one tenant or of all, are held.

        A program overrides it to name what it keeps.
        """
        whose = "of this tenant" if of_tenant else "in all"
        return FullError(f"{used // MIB} of {most // MIB} MiB {whose} are held")

    def charge(
        self, tenant: str | None, count: int = 0, *, cut: Callable[[], None] | None = None
    ) -> Charge:
        """Hold `count` bytes for a tenant, without waiting.

        The budget may end a charge with `cut` when it needs room: it first releases the charge and
        then calls `cut`, which must drop the bytes without using the budget.

        Raises:
            FullError, or the budget's own: there is no room for the bytes.
        """
        made = Charge(self, tenant, cut)
        self.resize(made, count)
        return made

    @contextlib.contextmanager
    def charged(self, tenant: str | None, count: int = 0) -> Iterator[Charge]:
        """Hold `count` bytes within the block, or what the charge is resized to.

        Raises:
            FullError, or the budget's own: see `charge`.
        """
        made = self.charge(tenant, count)
        try:
            yield made
        finally:
            made.release()

    def try_take(self, count: int, tenant: str | None = None) -> Charge | None:
        """Hold `count` bytes if they are free and no other request waits; else return None.

        A tenant that asks for more than it may hold gets the most that it may hold.
        """
        count = min(count, self.most)
        made = Charge(self, tenant)
        if self._line or not self._is_free(tenant, count):
            return None
        self._hold(made, count)
        return made

    async def take(self, count: int, tenant: str | None = None) -> Charge:
        """Hold `count` bytes like `try_take`, once all earlier requests have theirs.

        Nothing is cut for a request that waits.
        """
        if (taken := self.try_take(count, tenant)) is not None:
            return taken
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        made = Charge(self, tenant)
        place = (made, min(count, self.most), turn)
        self._line.append(place)
        try:
            await turn
        except asyncio.CancelledError:
            if place in self._line:
                self._line.remove(place)
                self._admit()
            made.release()  # its turn may have come before the cancellation
            raise
        return made

    def resize(self, charge: Charge, count: int) -> None:
        """Resize a charge: see `Charge.resize`."""
        more = count - charge.bytes
        tenant = charge.tenant
        while more > 0 and self.of(tenant) + more > self.most:
            own = {tenant: self._cuttable.get(tenant, set())}
            if not _cut_one(own, charge, count):
                raise self.refusal(self.of(tenant), self.most, of_tenant=True)
        while more > 0 and self.used + more > self.total:
            if not _cut_one(self._cuttable, charge, count):
                raise self.refusal(self.used, self.total, of_tenant=False)
        self._hold(charge, count)
        if more < 0:
            self._admit()

    def _is_free(self, tenant: str | None, more: int) -> bool:
        return self.of(tenant) + more <= self.most and self.used + more <= self.total

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

    def _admit(self) -> None:
        """Give free bytes to the waiting requests, in their order."""
        while self._line:
            charge, count, turn = self._line[0]
            if turn.cancelled():
                return  # its task has yet to leave the queue, and then admits the next
            if not self._is_free(charge.tenant, count):
                return
            self._line.popleft()
            self._hold(charge, count)
            turn.set_result(None)


def _cut_one(among: dict[str | None, set[Charge]], asking: Charge, wanted: int) -> bool:
    """Cut the largest charge of the tenant that holds most of these. Return whether one was cut.

    The charge that asks for `wanted` bytes counts too, if it may be cut. If it is the largest one,
    nothing is cut: its owner gets the error and ends it.
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
