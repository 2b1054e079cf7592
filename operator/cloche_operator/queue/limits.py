"""The limits of what may run: the capacity of the nodes, and the sums that are compared with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cloche_api.limits import MIB
from cloche_api.resources import quantity
from cloche_api.resources.phases import Reason
from cloche_api.resources.runtime import RuntimeResources
from cloche_operator.model.resources import UNBOUNDED, Demand, demand_of, total_of
from cloche_operator.model.status import EndedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from cloche_api.resources.execution import Concurrency
    from cloche_operator.model.node import Node
    from cloche_operator.settings import Settings

RUNNING_BYTES = MIB
"""Bytes of the operator's memory per running execution: two streams of 256 KiB, 350 KiB of files in
base64, its tasks and its connection."""


class Space:
    """The limits. They do not depend on what runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rooms: dict[str, Demand] = {}
        self._largest: dict[str, int] = {}
        self.cores = 0.0
        """Of all nodes together."""
        self.default = demand_of(RuntimeResources().defaults)
        """The demand of one default program: the largest of the runtimes' defaults."""
        self._set(Demand())

    def set_nodes(self, at: Mapping[str, list[Node]], default: Demand | None = None) -> None:
        """Replace the known nodes.

        A place without nodes gets the limits of all nodes together, because an autoscaler creates
        the first node of a runtime with a node selector only for a Pod.

        Args:
            at: the nodes that accept the Pods of each place (`Runtime.place`).
            default: the demand of one default program; None leaves it unchanged.
        """
        self.default = default or self.default
        self._rooms = {place: self._of(nodes) for place, nodes in at.items() if nodes}
        self._largest = {
            place: max(node.memory for node in nodes) for place, nodes in at.items() if nodes
        }
        every = list({id(node): node for ns in at.values() for node in ns}.values())
        self.cores = sum(node.cpu for node in every) / 1000
        self._set(self._of(every))

    @property
    def is_away(self) -> bool:
        """Whether no node is known to be ready."""
        return self.total.memory == 0

    def room(self, place: str) -> Demand:
        """Return the capacity of the nodes of a place, or of all nodes if it has none."""
        return self._rooms.get(place, self.total)

    def check(self, demand: Demand, place: str, *, is_session: bool) -> None:
        """Raise EndedError (Unschedulable) if the demand can never fit."""
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
        """Return how many Pods with programs fit the nodes, besides waiting Pods and others.

        The scheduler counts requests, which differ from the sums of limits. With more Pods the
        nodes are full: each program then displaces a waiting Pod, and starts cold.
        """
        settings = self._settings
        cpu = int(quantity.parse(settings.pod_request_cpu) * 1000)
        memory = quantity.whole(settings.pod_request_memory)
        return sum(
            int(
                settings.capacity_share
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
        """The limit for all programs."""
        self.of_tenant = self._for_one(total, settings.tenant_share)
        """The limit for the programs of one tenant."""
        self.sessions = self._at_least_one(total.part(settings.session_share))
        """The limit for all sessions."""
        self.sessions_of_tenant = self._for_one(self.sessions, settings.tenant_share)
        """The limit for the sessions of one tenant."""

    def _for_one(self, whole: Demand, share: float) -> Demand:
        """Return a part that leaves room for one default program, but has room for one itself."""
        return self._at_least_one(whole.part(share).at_most(whole - self.default))

    def _at_least_one(self, part: Demand) -> Demand:
        return part.at_least(self.default)


@dataclass(frozen=True, eq=False)
class Share:
    """What one execution or session takes, and which limits apply to it."""

    tenant: str
    demand: Demand
    concurrency: Concurrency | None = None
    """Its group, and how many members of the group may run."""
    place: str = ""
    """The nodes that its Pod may be on (see `Space`)."""
    is_session: bool = False
    size: int = 0
    """Bytes of its input in etcd while it waits."""

    @property
    def group(self) -> tuple[str, str] | None:
        """The group. Its name is local to the tenant."""
        return None if self.concurrency is None else (self.tenant, self.concurrency.group)


class Bound(StrEnum):
    """A limit. The value states what did not happen while an execution waited for it."""

    GROUP = "The API key's concurrency limit was reached and no slot became free"
    SESSIONS = "The sessions' share of the capacity was in use and no session ended"
    TENANT = "The tenant's share of the capacity was in use and none of its programs ended"
    ROOM = "No capacity became free"


class Usage:
    """The sums over everything that runs, compared with the space."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self.total = Demand()
        """What all executions and sessions take."""
        self._of: dict[str, Demand] = {}
        self._at: dict[str, Demand] = {}
        self._sessions: dict[str, Demand] = {}
        self._running: Counter[tuple[str, str]] = Counter()

    @property
    def tenants(self) -> AbstractSet[str]:
        """The tenants that run something."""
        return self._of.keys()

    def of(self, tenant: str) -> Demand:
        """Return what a tenant's executions and sessions take."""
        return self._of.get(tenant, Demand())

    def part(self, tenant: str) -> float:
        """Return the tenant's part of what all tenants hold, of the resource it has most of."""
        return self.of(tenant).dominant_share(self.total)

    def add(self, share: Share) -> None:
        """Add one that begins to run."""
        self._count(share, share.demand)
        if share.group is not None:
            self._running[share.group] += 1

    def remove(self, share: Share) -> None:
        """Remove one that has ended."""
        self._count(share, Demand() - share.demand)
        if share.group is not None:
            self._running[share.group] -= 1
            self._running += Counter()  # forgets groups of which nothing runs

    def _count(self, share: Share, change: Demand) -> None:
        self.total += change
        sums = [(self._of, share.tenant), (self._at, share.place)]
        if share.is_session:
            sums.append((self._sessions, share.tenant))
        for of, key in sums:
            of[key] = of.get(key, Demand()) + change
            if not any(of[key].amounts):
                del of[key]

    def reached(self, share: Share) -> Bound | None:
        """Return the first limit that leaves no room for it, in the order of `Bound`, or None."""
        if not self._fits_group(share):
            return Bound.GROUP
        if share.is_session and not self._fits_sessions(share):
            return Bound.SESSIONS
        if not (self.of(share.tenant) + share.demand).fits(self._space.of_tenant):
            return Bound.TENANT
        if not self.has_room(share):
            return Bound.ROOM
        return None

    def has_room(self, share: Share) -> bool:
        """Return whether the nodes have room for it, regardless of other limits."""
        there = self._at.get(share.place, Demand())
        return (self.total + share.demand).fits(self._space.total) and (there + share.demand).fits(
            self._space.room(share.place)
        )

    def _fits_group(self, share: Share) -> bool:
        """Return whether its group runs fewer members than the limit that this share states."""
        if share.concurrency is None or share.group is None:
            return True
        return self._running[share.group] < share.concurrency.limit

    def _fits_sessions(self, share: Share) -> bool:
        mine = self._sessions.get(share.tenant, Demand()) + share.demand
        every = total_of(self._sessions.values()) + share.demand
        return mine.fits(self._space.sessions_of_tenant) and every.fits(self._space.sessions)
