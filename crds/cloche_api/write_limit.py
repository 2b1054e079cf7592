"""How many bytes executions may write to etcd within ten minutes, in all and per tenant.

etcd keeps each revision of an object until it is compacted. The API server compacts every 5 minutes
what is older than 5 minutes, so that up to 10 minutes of history lie beside what is live, and an
etcd beyond its quota takes no more writes from anybody. A bound on what is live cannot see that
history: each change of an execution's status is one more revision of the whole object, with the
input in it unless that is a SandboxSource.

The gateway charges an execution before it creates it, and the operator charges each that it sees,
for those that came another way. Both correct the charge by what the result really takes. Pure but
for its clock.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_api.limits import KIB, MIB
from cloche_api.phases import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 600
"""The window: the most history that an etcd keeps which the API server compacts by its defaults
(--etcd-compaction-interval 5m)."""
BYTES_DEFAULT = 640 * MIB
"""In all: with the records (512 MiB) and the Pods' revisions an etcd stays below 1.6 of 2 GiB."""
BYTES_PER_TENANT_DEFAULT = 256 * MIB
"""Of one tenant: 180 executions of full size within ten minutes, or 25,000 small ones."""
METADATA_BYTES = 2 * KIB
"""What each revision takes beside spec and result: metadata, and the status of a claim."""
WRITES = 3
"""Revisions of an execution, each with its whole spec: created, claimed, ended. A cancellation is
one more."""

_SLOT_SECONDS = 10
_RESULT_BYTES = 64 * KIB  # expected of a tenant of which no execution has ended lately
_DECAY = 0.8  # of what is expected, with each smaller result: some 20 to forget a large one


def revisions(phase: str, *, claimed: bool) -> int:
    """Return how many revisions hold the spec of an execution that has ended in this phase."""
    return WRITES - (not claimed) + (phase == Phase.CANCELLED)


@dataclass(frozen=True)
class Excess:
    """More than may be written: `used` with what was asked for, and when to try again."""

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

    A tenant may use what is left of the whole after it, and its own limit at most: n tenants that
    take all they can get have 1/(n+1) of the whole each and leave as much to the others.
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
        """Whether an execution of that name is charged and has not ended."""
        return name in self._open

    def take(
        self, tenant: str, name: str, spec: int, *, source: int = 0, force: bool = False
    ) -> Excess | None:
        """Charge an execution with so many bytes of spec, or return why not.

        `source`: bytes of its SandboxSource, which is written once; 0 where it has none.

        `name` must be one that no other has; one that is charged already is not charged again. With
        `force` it is charged whatever is left: it exists already, and is to run.
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
        """Charge a SandboxSource of so many bytes of which no execution has come."""
        self._forget_old()
        self._add(self._slot(), tenant, _once(source))

    def forget(self, name: str) -> None:
        """Take a charge back: nothing was created."""
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
        """Charge what an execution that has ended has really caused, of whoever it was created.

        `stored`: bytes of spec and final status; `writes`: revisions that hold the spec; `spec`:
        its bytes, asked for only where the execution was not charged here before; `source`: bytes
        of its SandboxSource, 0 where it had none.
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
        """Seconds until so many bytes fit, if nothing more is written meanwhile."""
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
        """Write into a slot of the window: one that is there, or the current one."""
        written = next((of for number, of in reversed(self._slots) if number == slot), None)
        if written is None:
            written = Counter()
            self._slots.append((slot, written))
        written[tenant] += size
        self._used_of[tenant] += size
        self._used += size

    def _forget_old(self) -> None:
        """Forget the slots that lie before the window, and the charges in them."""
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
    """Bytes that a SandboxSource with such a spec writes, if there is one."""
    return source + METADATA_BYTES if source else 0


def _mib(size: int) -> str:
    return f"{size / MIB:.0f}"
