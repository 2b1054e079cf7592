"""Executions that request the operator's capacity, and the order of their admission."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.deadline import settled

from cloche_api.resources.execution import Concurrency
from cloche_operator.model.node import Node
from cloche_operator.model.outcome import EndedError
from cloche_operator.queue.capacity import Capacity
from cloche_operator.queue.demand import Demand
from cloche_operator.queue.usage import Share
from cloche_operator.settings import Settings

BOUND_SECONDS = 30.0
GIB = 1024**3
PATIENCE = 5.0
"""Seconds for which an execution that does not fit lets others overtake it."""


class Clock:
    """The clock by which entries in the queue age."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def node(memory: int, cores: float = 1000.0) -> Node:
    return Node(memory=memory, cpu=int(cores * 1000), labels={}, taints=())


def capacity(total: int, *, clock: Clock | None = None, **settings: Any) -> Capacity:
    """Return a capacity of `total` bytes for programs, all available to any tenant."""
    chosen: dict[str, Any] = {
        "capacity_share": 1,
        "cpu_overcommit": 1,
        "tenant_share": 1,
        "session_share": 1,
        "node_processes": 0,
        "pod_request_cpu": "0",
        "pod_request_memory": "0",
        **settings,
    }
    made = Capacity(Settings(**chosen), clock or Clock())
    made.set_nodes({"": [node(total)]}, Demand())
    return made


class Line:
    """Executions that request capacity, and the order of their admission."""

    def __init__(self, of: Capacity) -> None:
        self.of = of
        self.admitted: list[str] = []
        self.waited: set[str] = set()
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.shares: dict[str, Share] = {}

    async def ask(self, name: str, tenant: str, size: int, limit: int | None = None) -> None:
        """Request bytes, and let the request proceed as far as it can."""
        await self.ask_for(name, share(tenant, size, limit))

    async def ask_for(self, name: str, of: Share) -> None:
        self.shares[name] = of
        self.tasks[name] = asyncio.create_task(self._ask(name, of))
        await settled()

    async def _ask(self, name: str, of: Share) -> None:
        await self.of.take(of, lambda: self.waited.add(name))
        self.admitted.append(name)

    async def end(self, name: str) -> None:
        """End an admitted execution."""
        assert name in self.admitted
        self.of.give_back(self.shares[name])
        await settled()

    async def refusal(self, name: str) -> EndedError:
        with pytest.raises(EndedError) as ended:
            await self.tasks[name]
        return ended.value


def share(tenant: str, memory: int, limit: int | None = None, **fields: Any) -> Share:
    """Return a share; with a limit, it belongs to the group `key` of its tenant."""
    group = None if limit is None else Concurrency(group="key", limit=limit)
    return Share(tenant, Demand(memory=memory, running=1), group, **fields)


@asynccontextmanager
async def line(of: Capacity) -> AsyncIterator[Line]:
    made = Line(of)
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            yield made
    finally:
        for task in made.tasks.values():
            task.cancel()
        await asyncio.gather(*made.tasks.values(), return_exceptions=True)
