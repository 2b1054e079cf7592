"""The demand of one execution or session on the nodes and on the operator. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add, le, sub
from typing import TYPE_CHECKING

from cloche_api.resources import quantity
from cloche_operator.protocol.frame import open_files, processes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_api.resources.amounts import UsedResources

UNBOUNDED = 2**62
"""The total of a resource that is not counted. It exceeds any sum of demands."""
_OVERHEAD_PROCESSES = 8
"""Processes of a Pod besides its program's: supervisor and its threads, pause container, shim."""
_FILE_BYTES = 1024
"""Bytes of the memory limit that an open file takes at least. Measured: 1.7 KiB."""


@dataclass(frozen=True, slots=True)
class Demand:
    """An amount of each resource that the capacity counts."""

    memory: int = 0
    """Bytes, including the RuntimeClass's overhead."""
    cpu: int = 0
    """Millicores."""
    processes: int = 0
    """Processes and threads."""
    files: int = 0
    """Open files."""
    running: int = 0
    """Executions and sessions. Each takes memory of the operator."""

    @property
    def amounts(self) -> tuple[int, int, int, int, int]:
        """The amounts, in the order of the fields."""
        return self.memory, self.cpu, self.processes, self.files, self.running

    def __add__(self, other: Demand) -> Demand:
        """Return the sum, resource by resource."""
        return Demand(*map(add, self.amounts, other.amounts))

    def __sub__(self, other: Demand) -> Demand:
        """Return the difference, resource by resource."""
        return Demand(*map(sub, self.amounts, other.amounts))

    def fits(self, total: Demand) -> bool:
        """Return whether it is at most `total` in every resource."""
        return all(map(le, self.amounts, total.amounts))

    def dominant_share(self, total: Demand) -> float:
        """Return its largest fraction of any resource in `total`; 0 if `total` is empty."""
        pairs = zip(self.amounts, total.amounts, strict=True)
        return max((mine / whole for mine, whole in pairs if whole), default=0.0)

    def part(self, share: float) -> Demand:
        """Return this fraction of every resource, rounded down."""
        return Demand(*(int(amount * share) for amount in self.amounts))

    def at_least(self, other: Demand) -> Demand:
        """Return the larger amount of each resource."""
        return Demand(*map(max, self.amounts, other.amounts))

    def at_most(self, other: Demand) -> Demand:
        """Return the smaller amount of each resource."""
        return Demand(*map(min, self.amounts, other.amounts))


def demand_of(used: UsedResources, overhead: int = 0) -> Demand:
    """Return the demand of a Pod with these limits. `overhead`: bytes of its RuntimeClass."""
    memory = quantity.whole(used.memory)
    return Demand(
        memory=memory + overhead,
        cpu=int(quantity.parse(used.cpu) * 1000),
        processes=processes(memory) + _OVERHEAD_PROCESSES,
        files=min(processes(memory) * open_files(memory), memory // _FILE_BYTES),
        running=1,
    )


def total_of(demands: Iterable[Demand]) -> Demand:
    """Return the sum of all demands."""
    return sum(demands, Demand())
