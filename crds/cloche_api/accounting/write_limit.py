"""Limits the bytes that executions write to etcd within ten minutes, in all and per tenant.

etcd keeps each revision of an object until it is compacted. Every 5 minutes the API server compacts
what is older than 5 minutes, so etcd holds up to 10 minutes of history besides the live objects. An
etcd beyond its quota accepts no more writes from any client. A limit on the live objects does not
cover that history: each change of an execution's status adds a revision of the whole object, with
the input in it unless that is in a SandboxSource.

The gateway charges an execution before it creates it. The operator charges each execution that it
observes, because some are created another way. Both correct the charge once the size of the result
is known. Pure except for its clock.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_api.limits import KIB, MIB
from cloche_api.resources.phases import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 600
"""The window: the longest history in etcd with the API server's default compaction
(--etcd-compaction-interval 5m)."""
BYTES_DEFAULT = 640 * MIB
"""In all. With the records (512 MiB) and the Pods' revisions, etcd stays below 1.6 of 2 GiB."""
BYTES_PER_TENANT_DEFAULT = 256 * MIB
"""Per tenant: 180 executions of full size within ten minutes, or 25,000 small ones."""
METADATA_BYTES = 2 * KIB
"""Bytes of each revision besides spec and result: metadata, and the status of a claim."""
WRITES = 3
"""Revisions of an execution that contain its whole spec: created, claimed, ended. A cancellation
adds one."""

_SLOT_SECONDS = 10
_RESULT_BYTES = 64 * KIB  # expected of a tenant without a recently ended execution
_DECAY = 0.8  # factor per smaller result: a large one is forgotten after about 20


def revisions(phase: str, *, claimed: bool) -> int:
    """Return how many revisions contain the spec of an execution that has ended in this phase."""
    return WRITES - (not claimed) + (phase == Phase.CANCELLED)


@dataclass(frozen=True)
class Excess:
    """A refusal: `used` bytes with the requested ones, and `seconds` after which to try again."""

    used: int
    limit: int
    seconds: int

    def __str__(self) -> str:
        return (
            "Too many bytes: with this one the executions of the same tenant write "
            f"{_mib(self.used)} MiB to the cluster's storage within {SECONDS // 60} minutes, and "
            f"at most {_mib(self.limit)} MiB are free for them. Send fewer, or smaller code, "
            f"input, files and output, or try again in {self.seconds} s."
        )


@dataclass(frozen=True)
class _Charge:
    slot: int
    tenant: str
    spec: int
    size: int


class WriteLimit:
    """The bytes of the last ten minutes, in slots of ten seconds.

    A tenant may use no more than remains of the total afterwards, and no more than its own limit.
    So n tenants that use all they can have 1/(n+1) of the total each, and leave as much to others.
    """

    def __init__(
        self, total: int, per_tenant: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total
        self._per_tenant = per_tenant
        self._clock = clock
        self._slots: deque[tuple[int, Counter[str]]] = deque()
        self._used_of: Counter[str] = Counter()
        self._used = 0
        self._open: dict[str, _Charge] = {}
        self._expected: dict[str, float] = {}

    @property
    def used(self) -> int:
        """Bytes within the window."""
        self._forget_old()
        return self._used

    def knows(self, name: str) -> bool:
        """Return whether the execution with this name is charged and has not ended."""
        return name in self._open

    def take(
        self, tenant: str, name: str, spec: int, *, source: int = 0, force: bool = False
    ) -> Excess | None:
        """Charge an execution whose spec has `spec` bytes, or return why it is refused.

        `source`: bytes of its SandboxSource, which is written once; 0 without one.

        `name` must be unique. An execution that is charged already is not charged again. With
        `force` the limits do not apply, because the execution already exists and must run.
        """
        self._forget_old()
        if name in self._open:
            return None
        expected = int(self._expected.get(tenant, _RESULT_BYTES))
        size = WRITES * (spec + METADATA_BYTES) + _once(source) + expected
        if not force and not self._fits(self._used_of[tenant] + size, self._used + size):
            limit = min(self._per_tenant, self._total - self._used)
            return Excess(self._used_of[tenant] + size, max(0, limit), self._wait(tenant, size))
        slot = self._slot()
        self._open[name] = _Charge(slot, tenant, spec, size)
        self._add(slot, tenant, size)
        return None

    def wrote(self, tenant: str, source: int) -> None:
        """Charge a SandboxSource of `source` bytes that has got no execution."""
        self._forget_old()
        self._add(self._slot(), tenant, _once(source))

    def forget(self, name: str) -> None:
        """Cancel a charge, because nothing was created."""
        self._forget_old()
        if (charge := self._open.pop(name, None)) is not None:
            self._add(charge.slot, charge.tenant, -charge.size)

    def ended(  # noqa: PLR0913  the figures of one execution
        self,
        tenant: str,
        name: str,
        stored: int,
        writes: int,
        spec: Callable[[], int],
        *,
        source: int = 0,
    ) -> None:
        """Charge what an ended execution has really written, even if another program created it.

        `stored`: bytes of spec and final status. `writes`: revisions that contain the spec. `spec`:
        returns its bytes, called only if the execution was not charged here. `source`: bytes of its
        SandboxSource, 0 without one.
        """
        self._forget_old()
        charge = self._open.pop(name, None)
        size = charge.spec if charge is not None else spec()
        result = max(0, stored - size)
        before = self._expected.get(tenant, 0.0)
        self._expected[tenant] = max(result, _DECAY * before)
        actual = writes * (size + METADATA_BYTES) + _once(source) + result
        if charge is None:
            self._add(self._slot(), tenant, actual)
        else:
            self._add(charge.slot, tenant, actual - charge.size)

    def _fits(self, used_of: int, used: int) -> bool:
        return used_of <= min(self._per_tenant, self._total - used)

    def _wait(self, tenant: str, size: int) -> int:
        """Return the seconds until the bytes fit, if nothing else is written meanwhile."""
        used_of, used = self._used_of[tenant] + size, self._used + size
        for slot, written in self._slots:
            used_of -= written[tenant]
            used -= written.total()
            if self._fits(used_of, used):
                free = (slot + 1) * _SLOT_SECONDS + SECONDS
                return max(1, math.ceil(free - self._clock()))
        return SECONDS

    def _slot(self) -> int:
        return int(self._clock() // _SLOT_SECONDS)

    def _add(self, slot: int, tenant: str, size: int) -> None:
        """Add bytes to a slot of the window: an existing one, or the current one."""
        written = next((of for number, of in reversed(self._slots) if number == slot), None)
        if written is None:
            written = Counter()
            self._slots.append((slot, written))
        written[tenant] += size
        self._used_of[tenant] += size
        self._used += size

    def _forget_old(self) -> None:
        """Remove the slots before the window, and the charges in them."""
        oldest = self._slot() - SECONDS // _SLOT_SECONDS
        if not self._slots or self._slots[0][0] >= oldest:
            return
        while self._slots and self._slots[0][0] < oldest:
            for tenant, size in self._slots.popleft()[1].items():
                self._used_of[tenant] -= size
                self._used -= size
                if not self._used_of[tenant]:
                    del self._used_of[tenant]
                    self._expected.pop(tenant, None)
        self._open = {name: of for name, of in self._open.items() if of.slot >= oldest}


def _once(source: int) -> int:
    """Return the bytes that are written for a SandboxSource with such a spec, if there is one."""
    return source + METADATA_BYTES if source else 0


def _mib(size: int) -> str:
    return f"{size / MIB:.0f}"
