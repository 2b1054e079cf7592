"""Executions that ask the operator's capacity for room, and when they get it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.deadline import settled

from cloche_api.execution import Concurrency
from cloche_operator.capacity import Capacity
from cloche_operator.demand import Demand
from cloche_operator.nodes import Node
from cloche_operator.outcome import EndedError
from cloche_operator.settings import Settings
from cloche_operator.usage import Share

BOUND_SECONDS = 30.0
GIB = 1024**3
PATIENCE = 5.0
"""Seconds that one for which there is no room lets others pass."""


class Clock:
    """The time by which places in the line age."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def node(memory: int, cores: float = 1000.0) -> Node:
    return Node(memory=memory, cpu=int(cores * 1000), labels={}, taints=())


def capacity(total: int, *, clock: Clock | None = None, **settings: Any) -> Capacity:
    """So many bytes for programs, all of it for any tenant."""
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
    """Executions that ask for room, and the order in which they got it."""

    def __init__(self, of: Capacity) -> None:
        self.of = of
        self.admitted: list[str] = []
        self.waited: set[str] = set()
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.shares: dict[str, Share] = {}

    async def ask(self, name: str, tenant: str, size: int, limit: int | None = None) -> None:
        """Ask for bytes, and let the asking come as far as it comes."""
        await self.ask_for(name, share(tenant, size, limit))

    async def ask_for(self, name: str, of: Share) -> None:
        self.shares[name] = of
        self.tasks[name] = asyncio.create_task(self._ask(name, of))
        await settled()

    async def _ask(self, name: str, of: Share) -> None:
        await self.of.take(of, lambda: self.waited.add(name))
        self.admitted.append(name)

    async def end(self, name: str) -> None:
        """One that was admitted has ended."""
        assert name in self.admitted
        self.of.give_back(self.shares[name])
        await settled()

    async def refusal(self, name: str) -> EndedError:
        with pytest.raises(EndedError) as ended:
            await self.tasks[name]
        return ended.value


def share(tenant: str, memory: int, limit: int | None = None, **fields: Any) -> Share:
    """With a limit, of the one group `key` of its tenant."""
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
