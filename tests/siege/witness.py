"""The observations of another tenant, and the metrics of gateways and operators."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
from support.clients.installation_api import restarts

if TYPE_CHECKING:
    from support.clients.installation_api import InstallationApi

_HEALTH_SECONDS = 0.1
_PROGRAM_SECONDS = 1.0
_MEMORY_SECONDS = 1.0
_ANSWER_SECONDS = 60.0
_PORTS = {"gateway": 8002, "operator": 8080}
_MIB = 1024 * 1024
_RSS = "process_resident_memory_bytes "
_PROGRAM = {"code": "print(6 * 7)", "language": "python"}
_OUTPUT = "42\n"


@dataclass
class Seen:
    """The observations of one phase; times in milliseconds, memory in MiB."""

    health: list[float] = field(default_factory=list)
    programs: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=dict)
    """The peak memory of each process, by its Pod's address."""
    restarts: int = 0


class Witness:
    """A tenant that runs one program a second, and polls /health.

    `component` is the one whose restarts and memory are observed.
    """

    def __init__(self, cluster: InstallationApi, key: str, component: str) -> None:
        self._cluster = cluster
        self._key = key
        self._component = component

    async def look(self, seconds: float) -> Seen:
        """Observe for `seconds`."""
        seen, end = Seen(), time.monotonic() + seconds
        pods = self._cluster.parts(self._component)
        before = sum(restarts(pod) for pod in pods)
        url = self._cluster.installation.url
        async with httpx.AsyncClient(base_url=url, timeout=_ANSWER_SECONDS) as client:
            await asyncio.gather(
                self._health(client, seen, end),
                self._programs(client, seen, end),
                *(self._memory(pod["status"]["podIP"], seen, end) for pod in pods),
            )
        after = await asyncio.to_thread(self._cluster.parts, self._component)
        seen.restarts = sum(restarts(pod) for pod in after) - before
        return seen

    async def _health(self, client: httpx.AsyncClient, seen: Seen, end: float) -> None:
        while (now := time.monotonic()) < end:
            try:
                answer = await client.get("/health")
                if not answer.is_success:
                    seen.problems.append(f"/health: {answer.status_code}")
            except httpx.TransportError as error:
                seen.problems.append(f"/health: {error!r}")
            seen.health.append(1000 * (time.monotonic() - now))
            await asyncio.sleep(_HEALTH_SECONDS)

    async def _programs(self, client: httpx.AsyncClient, seen: Seen, end: float) -> None:
        """Start a program each second, whether or not the previous one has ended."""
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < end:
                group.create_task(self._program(client, seen))
                await asyncio.sleep(_PROGRAM_SECONDS)

    async def _program(self, client: httpx.AsyncClient, seen: Seen) -> None:
        began, headers = time.monotonic(), {"X-API-Key": self._key}
        try:
            answer = await client.post("/api/v1/execute", json=_PROGRAM, headers=headers)
            if not answer.is_success or answer.json()["stdout"] != _OUTPUT:
                seen.problems.append(f"a program: {answer.status_code} {answer.text[:200]}")
        except httpx.TransportError as error:
            seen.problems.append(f"a program: {error!r}")
        seen.programs.append(1000 * (time.monotonic() - began))

    async def _memory(self, address: str, seen: Seen, end: float) -> None:
        """Record the largest resident size that the process at `address` reports."""
        url = f"http://{address}:{_PORTS[self._component]}/metrics"
        async with httpx.AsyncClient(timeout=_ANSWER_SECONDS) as client:
            while time.monotonic() < end:
                try:
                    text = (await client.get(url)).text
                except httpx.TransportError as error:
                    seen.problems.append(f"/metrics: {error!r}")
                    text = ""
                for line in text.splitlines():
                    if line.startswith(_RSS):
                        size = float(line.removeprefix(_RSS)) / _MIB
                        seen.memory[address] = max(size, seen.memory.get(address, 0))
                await asyncio.sleep(_MEMORY_SECONDS)
