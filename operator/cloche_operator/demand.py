"""What one execution or session takes of the nodes and of this program. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add, le, sub
from typing import TYPE_CHECKING

from cloche_api import quantity
from cloche_operator.frame import open_files, processes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_api.amounts import UsedResources

UNBOUNDED = 2**62
"""A total of what is not counted: more than any sum of demands."""
_OVERHEAD_PROCESSES = 8
"""Of a Pod besides its program's: the supervisor and its threads, the pause container, the shim."""
_FILE_BYTES = 1024
"""At least what an open file takes of the memory limit; measured: 1.7 KiB."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Amounts of all resources that capacity counts."""

    memory: int = 0
    """Bytes, the RuntimeClass's overhead included."""
    cpu: int = 0
    """Thousandths of a core."""
    processes: int = 0
    """Processes and threads."""
    files: int = 0
    """Open files."""
    running: int = 0
    """Executions and sessions: each takes memory of the operator."""

    @property
    def amounts(self) -> tuple[int, int, int, int, int]:
        """The amounts, in the order of the fields."""
        return self.memory, self.cpu, self.processes, self.files, self.running

    def __add__(self, other: Demand) -> Demand:
        """The sum, resource by resource."""
        return Demand(*map(add, self.amounts, other.amounts))

    def __sub__(self, other: Demand) -> Demand:
        """The difference, resource by resource."""
        return Demand(*map(sub, self.amounts, other.amounts))

    def fits(self, total: Demand) -> bool:
        """Whether there is no resource of which it is more."""
        return all(map(le, self.amounts, total.amounts))

    def dominant_share(self, total: Demand) -> float:
        """The largest part that it is of any resource; 0 of no resources."""
        pairs = zip(self.amounts, total.amounts, strict=True)
        return max((mine / whole for mine, whole in pairs if whole), default=0.0)

    def part(self, share: float) -> Demand:
        """A part of it, rounded down."""
        return Demand(*(int(amount * share) for amount in self.amounts))

    def at_least(self, other: Demand) -> Demand:
        """The larger amount of each resource."""
        return Demand(*map(max, self.amounts, other.amounts))

    def at_most(self, other: Demand) -> Demand:
        """The smaller amount of each resource."""
        return Demand(*map(min, self.amounts, other.amounts))


def demand_of(used: UsedResources, overhead: int = 0) -> Demand:
    """The demand of a Pod with these limits. `overhead`: bytes that its RuntimeClass adds."""
    memory = quantity.whole(used.memory)
    return Demand(
        memory=memory + overhead,
        cpu=int(quantity.parse(used.cpu) * 1000),
        processes=processes(memory) + _OVERHEAD_PROCESSES,
        files=min(processes(memory) * open_files(memory), memory // _FILE_BYTES),
        running=1,
    )


def total_of(demands: Iterable[Demand]) -> Demand:
    """The sum of all."""
    return sum(demands, Demand())
