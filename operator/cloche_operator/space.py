"""How much there is for programs: the nodes' parts, and the bounds that follow from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_api import quantity
from cloche_api.limits import MIB
from cloche_api.phases import Reason
from cloche_api.runtime import RuntimeResources
from cloche_operator.demand import UNBOUNDED, Demand, demand_of
from cloche_operator.outcome import EndedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloche_operator.nodes import Node
    from cloche_operator.settings import Settings

RUNNING_BYTES = MIB
"""Of the operator's memory for one that runs: two streams of 256 KiB, 350 KiB of files in base64,
its tasks and its connection."""


class Space:
    """The totals. Nothing of it depends on what runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rooms: dict[str, Demand] = {}
        self._largest: dict[str, int] = {}
        self.cores = 0.0
        """Of all nodes."""
        self.default = demand_of(RuntimeResources().defaults)
        """The demand of one default program: the largest of the runtimes' defaults."""
        self._set(Demand())

    def set_nodes(self, at: Mapping[str, list[Node]], default: Demand | None = None) -> None:
        """Take these nodes for all there is.

        A place without nodes is bounded by all of them: the Pod of a runtime with nodes of its own
        is what an autoscaler makes the first of them for.

        Args:
            at: for each place (`Runtime.place`) the nodes that take its Pods.
            default: the demand of a default program; None: as before.
        """
        self.default = default or self.default
        share = max(1.0, self._settings.capacity_share)
        self._rooms = {place: self._of(nodes) for place, nodes in at.items() if nodes}
        self._largest = {
            place: int(max(node.memory for node in nodes) * share)
            for place, nodes in at.items()
            if nodes
        }
        every = list({id(node): node for ns in at.values() for node in ns}.values())
        self.cores = sum(node.cpu for node in every) / 1000
        self._set(self._of(every))

    @property
    def is_away(self) -> bool:
        """Whether no node is ready, as far as is known."""
        return self.total.memory == 0

    def room(self, place: str) -> Demand:
        """What the nodes of a place have; of one that is not known, all nodes."""
        return self._rooms.get(place, self.total)

    def check(self, demand: Demand, place: str, *, is_session: bool) -> None:
        """Raise EndedError (Unschedulable) when there can never be room for it."""
        if self.is_away:
            return
        of_sessions = "sessions of one tenant may hold of the sandbox nodes"
        bounds = [
            (self.total, "executions may use on the sandbox nodes"),
            (self._largest_at(place), "the largest sandbox node has"),
            (self.of_tenant, "one tenant may hold of the sandbox nodes"),
            (self.sessions_of_tenant if is_session else self.total, of_sessions),
        ]
        for bound, what in bounds:
            if demand.memory > bound.memory:
                raise EndedError(
                    Reason.UNSCHEDULABLE,
                    f"The execution's memory limit of {demand.memory // MIB} MiB is more than the "
                    f"{bound.memory // MIB} MiB that {what}.",
                )
            if not demand.fits(bound):
                raise EndedError(
                    Reason.UNSCHEDULABLE,
                    f"The execution needs {demand.cpu / 1000:g} cores, {demand.processes} processes"
                    f" and {demand.files} open files, more than {what}: {bound.cpu / 1000:g}, "
                    f"{bound.processes} and {bound.files}.",
                )

    def _largest_at(self, place: str) -> Demand:
        largest = self._largest.get(place, self.total.memory)
        return Demand(largest, UNBOUNDED, UNBOUNDED, UNBOUNDED, UNBOUNDED)

    def _of(self, nodes: list[Node]) -> Demand:
        settings = self._settings
        return Demand(
            memory=int(sum(node.memory for node in nodes) * settings.capacity_share),
            cpu=int(sum(node.cpu for node in nodes) * settings.cpu_overcommit),
            processes=len(nodes) * settings.node_processes or UNBOUNDED,
            files=len(nodes) * settings.node_open_files or UNBOUNDED,
            running=max(1, min(settings.memory_bytes // 2 // RUNNING_BYTES, self._pods(nodes))),
        )

    def _pods(self, nodes: list[Node]) -> int:
        """Pods with programs for which the scheduler finds room, beside those that wait and others.

        It counts what Pods request, which is not what their limits add up to. With more of them
        the nodes are full: each program then pushes out a waiting Pod, and starts cold.
        """
        settings = self._settings
        cpu = int(quantity.parse(settings.pod_request_cpu) * 1000)
        memory = quantity.whole(settings.pod_request_memory)
        share = min(1.0, settings.capacity_share)
        return sum(
            int(
                share
                * min(
                    node.pods,
                    node.cpu // cpu if cpu else UNBOUNDED,
                    node.memory // memory if memory else UNBOUNDED,
                )
            )
            for node in nodes
        )

    def _set(self, total: Demand) -> None:
        settings = self._settings
        self.total = total
        """What all programs may use together."""
        self.of_tenant = self._for_one(total, settings.tenant_share)
        """What those of one tenant may."""
        self.sessions = self._at_least_one(total.part(settings.session_share))
        """What all sessions may hold."""
        self.sessions_of_tenant = self._for_one(self.sessions, settings.tenant_share)
        """What those of one tenant may."""

    def _for_one(self, whole: Demand, share: float) -> Demand:
        """A part that leaves room for one default program, but is itself room for one."""
        return self._at_least_one(whole.part(share).at_most(whole - self.default))

    def _at_least_one(self, part: Demand) -> Demand:
        return part.at_least(self.default)
