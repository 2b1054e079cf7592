"""The limits of an execution, and what follows from them: its demand and its timeout. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add, le, sub
from typing import TYPE_CHECKING

from cloche_api.resources import quantity
from cloche_api.resources.amounts import ResourceAmounts, UsedResources
from cloche_api.resources.phases import Reason
from cloche_operator.model.status import EndedError
from cloche_operator.protocol.frame import open_files, processes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_api.resources.runtime import RuntimeResources
    from cloche_operator.settings import Settings

UNBOUNDED = 2**62
"""The total of a resource that is not counted. It exceeds any sum of demands."""
_OVERHEAD_PROCESSES = 8
"""Processes of a Pod besides its program's: supervisor and its threads, pause container, shim."""
_FILE_BYTES = 1024
"""Bytes of the memory limit that an open file takes at least. Measured: 1.7 KiB."""
_AFTER_TIMEOUT_SECONDS = 3.0  # for the syntax check, and to kill and reap
_SUPERVISOR_CPU_SECONDS = 0.5
"""Seconds of CPU time to kill and reap hundreds of processes, collect files and write the end."""
_CPU_LEAST = 0.01
"""Cores: the kubelet's smallest quota is 1 ms of 100 (cm/helpers_linux.go), for any lower limit."""
_AMOUNTS = ("cpu", "memory", "disk")


def used_resources(asked: ResourceAmounts | None, runtime: RuntimeResources) -> UsedResources:
    """Return the limits of an execution: the runtime's defaults where it requests nothing.

    Raises:
        EndedError: ResourcesExceedRuntime, if it requests more than the runtime's maximum or less
            than its minimum, or more disk than it has memory.
    """
    asked = asked or ResourceAmounts()
    chosen = {name: getattr(asked, name) or getattr(runtime.defaults, name) for name in _AMOUNTS}
    if asked.memory and not asked.disk and _less(chosen["memory"], chosen["disk"]):
        chosen["disk"] = chosen["memory"]
    for name, amount in chosen.items():
        maximum = getattr(runtime.maximum, name)
        if _less(maximum, amount):
            raise EndedError(
                Reason.RESOURCES_EXCEED_RUNTIME,
                f"spec.resources.{name} is {amount}, the runtime allows at most {maximum}",
            )
        minimum = getattr(runtime.minimum, name, None)
        if minimum is not None and _less(amount, minimum):
            raise EndedError(
                Reason.RESOURCES_EXCEED_RUNTIME,
                f"spec.resources.{name} is {amount}, the runtime needs at least {minimum}",
            )
    if _less(chosen["memory"], chosen["disk"]):
        raise EndedError(
            Reason.RESOURCES_EXCEED_RUNTIME,
            f"spec.resources.disk is {chosen['disk']}, more than the memory limit"
            f" {chosen['memory']} that includes it",
        )
    return UsedResources(**chosen)


def patience(used: UsedResources | None, settings: Settings) -> float:
    """Return the seconds after a program's timeout at which its supervisor counts as hung.

    The supervisor shares the program's CPU limit: with 0.01 cores, half a second of work takes it
    50 s. `used` is None for a claim whose limits are not known.
    """
    cpu = 1.0 if used is None else float(quantity.parse(used.cpu))
    work = _SUPERVISOR_CPU_SECONDS / max(cpu, _CPU_LEAST)
    return _AFTER_TIMEOUT_SECONDS + settings.grace_seconds + work


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


def _less(a: str | int, b: str | int) -> bool:
    return quantity.parse(a) < quantity.parse(b)
