"""`python bench/isolation.py`: measure the cost of isolation, as tables in Markdown.

First, the system-call filter: the same program runs alternately in a Pod with the filter and in a
Pod whose supervisor has no rules. Both Pods are reused, so that only the program's own time
differs. Second, the effect on others: the response time of a hello world during each of several
attacks, compared with the time just before.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvloop
from access.client import SESSION, Client, client, take_precedence
from access.installation import Installation, installation
from access.pools import manifest
from access.server import Cluster, installed_settings
from attacks.harness.program import HERE, Program, parse
from figures.stats import median_interval, summary
from progress import BenchError, say
from report import printed
from support.clients import images

from cloche_api import meta
from cloche_kube.client import Rest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_FILTERED, _UNFILTERED = "bench-filtered", "bench-unfiltered"
_IMAGE = HERE.parent / "images" / "unfiltered"
_ATTACKS = (
    "processes/fork_bomb.py",
    "processes/thread_bomb.cpp",
    "processes/orphan_bomb.py",
    "processes/signal_storm.py",
    "resources/memory_again.py",
    "resources/memory.py",
    "resources/files_without_content.py",
    "resources/output_of_both.cpp",
    "resources/output_in_drops.cpp",
    "resources/calls.cpp",
    "resources/processor.py",
)
_ATTACK_SECONDS = 300
_APART_SECONDS = 3.0
"""From a response to the next request: longer than a Pod takes to start with the CPU time that an
attack leaves, so that a request competes with the attack and not with the start of the replacement
Pod."""
_SEED = 6


class Measured:
    """The installation and a client for it."""

    def __init__(self, cluster: Cluster, http: Client, apart: float) -> None:
        self.cluster = cluster
        self.http = http
        self._apart = apart

    async def program_ms(self, language: str) -> float:
        """Return the wall time of one hello world in its Pod."""
        answer = await self.http.execute(language)
        if answer.execution is None:
            raise BenchError(f"{language}: {answer.failure}")
        path = f"{self.cluster.executions}/{answer.execution}"
        status = (await self.cluster.rest.call("GET", path))["status"]
        return 1000 * float(status["executionSeconds"])

    async def answers_ms(self, count: int) -> float:
        """Return the median of `count` round trips of a hello world."""
        found = []
        for _ in range(count):
            await self.cluster.has_ready("python", 1)
            answer = await self.http.execute("python")
            if answer.execution is None:
                raise BenchError(f"python: {answer.failure}")
            found.append(1000 * answer.seconds)
            await asyncio.sleep(self._apart)
        return summary(found).p50

    @contextlib.asynccontextmanager
    async def pods_with_and_without(self) -> AsyncIterator[None]:
        """Provide a reused Pod of each kind."""
        python = (await self.cluster.runtime("python"))["spec"]
        unfiltered = await asyncio.to_thread(
            images.load, "unfiltered-python", _IMAGE, python["image"]
        )
        pool = {"size": 1, "reuse": "SameTenant"}
        try:
            for name, image in ((_FILTERED, python["image"]), (_UNFILTERED, unfiltered)):
                made = manifest(name, python | {"image": image}, pool)
                await self.cluster.replace(self.cluster.runtimes, made)
            await self.cluster.quiet()
            yield
        finally:
            for name in (_FILTERED, _UNFILTERED):
                await self.cluster.remove(self.cluster.runtimes, name)

    @contextlib.asynccontextmanager
    async def attacked_by(self, program: Program) -> AsyncIterator[None]:
        """Keep one execution of an attack running during the block."""
        task = asyncio.create_task(self._attack_on(program))
        try:
            await asyncio.sleep(2)  # time to compile and begin
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await self.cluster.remove_all(
                self.cluster.executions, f"{meta.LABEL_SESSION}={SESSION}"
            )

    async def _attack_on(self, program: Program) -> None:
        spec = program.spec({}) | {"timeoutSeconds": _ATTACK_SECONDS}
        fields = {"files": spec["files"], "timeout": spec["timeoutSeconds"]}
        while True:
            await self.http.execute(program.language, "", code=spec["code"], **fields)


@dataclass(frozen=True)
class Neighbours:
    """The response times of other programs without and during an attack."""

    attack: str
    quiet_ms: float
    attacked_ms: float

    @property
    def ratio(self) -> float:
        """The factor by which the response time grows."""
        return self.attacked_ms / self.quiet_ms


async def _filter_pairs(measured: Measured, count: int) -> list[float]:
    """Return the milliseconds that the filter adds, one value per pair, in random order."""
    rng = random.Random(_SEED)  # noqa: S311  the same order in every run
    found = []
    async with measured.pods_with_and_without():
        for _ in range(count):
            names = [_FILTERED, _UNFILTERED]
            rng.shuffle(names)
            took = {name: await measured.program_ms(name) for name in names}
            found.append(took[_FILTERED] - took[_UNFILTERED])
    return found


async def _neighbours(measured: Measured, count: int) -> list[Neighbours]:
    found = []
    for name in _ATTACKS:
        say(name)
        await measured.cluster.quiet()
        quiet = await measured.answers_ms(count)
        async with measured.attacked_by(parse(HERE / name)):
            attacked = await measured.answers_ms(count)
        found.append(Neighbours(name, quiet, attacked))
    return found


async def _run(to: Installation, given: argparse.Namespace) -> list[str]:
    async with contextlib.AsyncExitStack() as stack:
        rest = await Rest.connect(to.kubeconfig)
        stack.push_async_callback(rest.close)
        cluster = Cluster(rest, await installed_settings(rest), to.kubeconfig)
        measured = Measured(cluster, await stack.enter_async_context(client(to)), given.apart)
        say(f"{given.pairs} pairs with and without the filter")
        pairs = await _filter_pairs(measured, given.pairs)
        neighbours = await _neighbours(measured, given.requests)
    return [*_of_filter(pairs), "", *_of_neighbours(neighbours)]


def _of_filter(pairs: list[float]) -> list[str]:
    low, high = median_interval(pairs)
    return [
        "| the filter, a Python hello world | pairs | median, ms | its 95 % interval, ms |",
        "|---|---|---|---|",
        f"| longer by | {len(pairs)} | {summary(pairs).p50:.3f} | {low:.3f} to {high:.3f} |",
    ]


def _of_neighbours(found: list[Neighbours]) -> list[str]:
    head = (
        "| attack | another tenant's answer without attack, p50, ms | during the attack, p50, ms "
        "| ratio |"
    )
    return [
        head,
        "|---|---|---|---|",
        *(
            f"| {one.attack} | {one.quiet_ms:.0f} | {one.attacked_ms:.0f} | {one.ratio:.2f} |"
            for one in found
        ),
    ]


def main() -> int:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(prog="isolation", description=__doc__)
    parser.add_argument(
        "--pairs",
        type=int,
        default=400,
        help="runs with and without the filter (default %(default)s)",
    )
    parser.add_argument(
        "--requests",
        type=int,
        default=12,
        help="requests before and during each attack (default %(default)s)",
    )
    parser.add_argument(
        "--apart",
        type=float,
        default=_APART_SECONDS,
        help="seconds between two requests (default %(default)s)",
    )
    given = parser.parse_args()
    take_precedence()
    return printed(lambda: uvloop.run(_run(installation(), given)))


if __name__ == "__main__":
    sys.exit(main())
