"""`python bench/load.py`: measure the gateway under many waiting, streaming and polling requests.

200 synchronous requests wait and 200 event streams follow 20 executions. Status polls are sent at a
rate that is lowered until it is sustained: 98 of 100 polls are answered in time, the p99 of /health
is at most 50 ms, and the gateway uses at most 200 MiB.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import uvloop
from access.client import take_precedence
from access.installation import installation
from figures.stats import summary
from progress import BenchError, say

from cloche_kube.tasks import Background

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_SESSION = "cloche-load"
_RATES = (500, 450, 400, 350, 300, 250, 200, 150, 100, 50)
_HELD = 0.98  # of the intended rate
_HEALTH_SECONDS = 0.02
_SETTLED_SECONDS = 5.0
_APART_SECONDS = 0.2
"""Between the waiting requests: each waits in the queue for at most a minute, and requests sent at
once would all be repeated at once."""
_HEALTH_BOUND = 50.0  # milliseconds, 99th percentile
_MEMORY_BOUND = 200.0  # MiB
_CHATTER = "while sleep 0.5; do echo line $((++n)); done"
_SLEEPER = "sleep 300"
_MIB = 1024 * 1024


@dataclass
class Seen:
    """The results of one rate."""

    rate: int
    answered: int = 0
    polls: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    failures: int = 0
    seconds: float = 0.0
    gateway_cpu: float = 0.0
    own_cpu: float = 0.0
    memory: float = 0.0

    @property
    def held(self) -> bool:
        """Whether the polls were answered in time and the gateway stayed within its bounds."""
        answered = self.answered >= _HELD * self.rate * self.seconds and not self.failures
        well = summary(self.health).p99 <= _HEALTH_BOUND and self.memory <= _MEMORY_BOUND
        return answered and well


class Load:
    """A client of the gateway, with its background requests."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.background = Background()
        self.events = 0
        """Events received on all streams."""
        self.waiting = 0
        """Number of concurrent synchronous requests."""

    async def stop(self) -> None:
        """Cancel all background requests, and remove their executions."""
        await self.background.close()
        await self._session.delete(f"/api/v1/execute/session/{_SESSION}")

    async def start(self, code: str) -> str:
        """Start an execution in bash, and return its id without waiting."""
        async with self._session.post("/api/v1/execute/async", json=_request(code)) as answer:
            if answer.status != 202:  # noqa: PLR2004  HTTP's Accepted
                raise BenchError(f"The gateway did not accept an execution: {await answer.text()}")
            name: str = (await answer.json())["execution_id"]
            return name

    async def wait(self) -> None:
        """Repeat a synchronous request; most wait in the queue for a minute."""
        self.waiting += 1
        while True:
            async with self._session.post("/api/v1/execute", json=_request(_SLEEPER)) as answer:
                await answer.read()

    async def listen(self, name: str) -> None:
        """Read an event stream."""
        async with self._session.get(f"/api/v1/executions/{name}/events") as answer:
            async for line in answer.content:
                self.events += line.startswith(b"data:")

    async def settled(self) -> None:
        """Wait until no more executions start, that is, until as many run as there is room for."""
        running, since = -1, time.monotonic()
        while time.monotonic() - since < _SETTLED_SECONDS:
            await asyncio.sleep(1)
            now = await self._running()
            if now != running:
                running, since = now, time.monotonic()
        say(f"{running} executions are running, the others are queued")

    async def measure(self, names: list[str], rate: int, seconds: float) -> Seen:
        """Poll at this rate for this number of seconds, and observe the gateway."""
        seen = Seen(rate)
        cpu, own, began = await self._cpu(), _own_cpu(), time.perf_counter()
        end = began + seconds
        health = asyncio.create_task(self._health(seen, end))
        under_way: set[asyncio.Task[None]] = set()
        number = 0
        while (now := time.perf_counter()) < end:
            due = int((now - began) * rate)
            while number < due and len(under_way) < rate:
                task = asyncio.create_task(self._poll(seen, names[number % len(names)], end))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                number += 1
            await asyncio.sleep(0.002)
        seen.seconds = time.perf_counter() - began
        seen.gateway_cpu = (await self._cpu() - cpu) / seen.seconds
        seen.own_cpu = (_own_cpu() - own) / seen.seconds
        seen.memory = await self._metric("process_resident_memory_bytes") / _MIB
        await asyncio.gather(health, *under_way)
        return seen

    async def _poll(self, seen: Seen, name: str, end: float) -> None:
        began = time.perf_counter()
        try:
            async with self._session.get(f"/api/v1/execute/status/{name}") as answer:
                await answer.read()
                good = answer.status == 200  # noqa: PLR2004  HTTP's OK
        except (aiohttp.ClientError, TimeoutError):
            good = False
        now = time.perf_counter()
        seen.polls.append(1000 * (now - began))
        seen.failures += not good
        seen.answered += good and now <= end

    async def _health(self, seen: Seen, end: float) -> None:
        while (began := time.perf_counter()) < end:
            async with self._session.get("/health") as answer:
                await answer.read()
            seen.health.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(_HEALTH_SECONDS)

    async def _running(self) -> int:
        params = {"session_id": _SESSION, "status": "running", "limit": "200"}
        async with self._session.get("/api/v1/executions", params=params) as answer:
            return len((await answer.json())["executions"])

    async def _cpu(self) -> float:
        return await self._metric("process_cpu_seconds_total")

    async def _metric(self, name: str) -> float:
        async with self._session.get("/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


def _request(code: str) -> dict[str, Any]:
    return {"code": code, "language": "bash", "timeout": 300, "session_id": _SESSION}


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@asynccontextmanager
async def _load() -> AsyncIterator[Load]:
    to = installation()
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=120)
    timeout = aiohttp.ClientTimeout(total=None)
    headers = {"X-API-Key": to.key}
    async with aiohttp.ClientSession(
        to.url, connector=connector, timeout=timeout, headers=headers
    ) as session:
        load = Load(session)
        try:
            yield load
        finally:
            await load.stop()


async def run(waiting: int, streams: int, executions: int, seconds: float) -> list[Seen]:
    """Run everything; return the results of each rate up to the first sustained one."""
    rates = []
    async with _load() as load:
        say(f"starting {executions} executions that print")
        names = [await load.start(_CHATTER) for _ in range(executions)]
        say(f"opening {streams} event streams, sending {waiting} requests that wait")
        for number in range(streams):
            load.background.start(load.listen(names[number % len(names)]))
        for _ in range(waiting):
            load.background.start(load.wait())
            await asyncio.sleep(_APART_SECONDS)
        while load.events < streams:
            await asyncio.sleep(0.1)
        await load.settled()
        for rate in _RATES:
            say(f"{rate} polls per second for {seconds:g} s; {load.waiting} requests wait")
            rates.append(await load.measure(names, rate, seconds))
            if rates[-1].held:
                break
    return rates


def _table(rates: list[Seen]) -> str:
    lines = [
        "polls per second      polls, ms       /health, ms     gateway        generator",
        " target  answered     p50     p99     p50     p99    CPU    MiB      CPU",
    ]
    for seen in rates:
        polls, health = summary(seen.polls), summary(seen.health)
        lines.append(
            f"{seen.rate:>7}{seen.answered / seen.seconds:>10.0f}{polls.p50:>8.0f}{polls.p99:>8.0f}"
            f"{health.p50:>8.1f}{health.p99:>8.1f}{100 * seen.gateway_cpu:>6.0f}%"
            f"{seen.memory:>7.0f}{100 * seen.own_cpu:>8.0f}%"
            f"{'   sustained' if seen.held else ''}"
            f"{f'   {seen.failures} failed' * bool(seen.failures)}"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="load", description=__doc__)
    parser.add_argument(
        "--waiting",
        type=int,
        default=200,
        help="synchronous requests that wait (default %(default)s)",
    )
    parser.add_argument(
        "--streams", type=int, default=200, help="event streams (default %(default)s)"
    )
    parser.add_argument(
        "--executions",
        type=int,
        default=20,
        help="executions that the streams follow (default %(default)s)",
    )
    parser.add_argument(
        "--seconds", type=float, default=15, help="duration of each rate (default %(default)s)"
    )
    given = parser.parse_args()
    take_precedence()
    try:
        rates = uvloop.run(run(given.waiting, given.streams, given.executions, given.seconds))
    except (BenchError, aiohttp.ClientError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    with suppress(BrokenPipeError):
        sys.stdout.write(f"{_table(rates)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
