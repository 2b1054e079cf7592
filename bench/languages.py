"""`python bench/languages.py`: measure a hello world in every language, as a table in Markdown.

Two Pods of one language wait at a time; before each request the pool is full and the cluster is
otherwise idle. One API write is measured before each, as in *warm overhead, pool full*.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from dataclasses import dataclass, field
from typing import Any

import uvloop
from access.client import client, take_precedence
from access.installation import Installation, installation
from access.languages import hello, pool
from access.server import Cluster, installed_settings
from figures.run import Figures
from figures.stats import summary
from progress import BenchError, say
from report import printed
from rows import write
from world import Sizes, World

from cloche_kube.client import Rest

_POOL = 2
_MIB = 1024 * 1024
_HEAD = (
    "| language | version | image, MiB | compile, ms | run, ms | warm overhead p50, ms | p99 "
    "| of one API write | cold p50, ms |\n|---|---|---|---|---|---|---|---|---|"
)
"""Cold: the round trip without a waiting Pod, less the time to compile, run and check."""


@dataclass
class Cost:
    """The cost of one language, in milliseconds."""

    name: str
    version: str
    size: float
    """MiB of the image as pulled, including the base image."""
    compile: list[float] = field(default_factory=list)
    run: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)


class Language:
    """A language and its first example."""

    def __init__(self, world: World, obj: dict[str, Any]) -> None:
        self._world = world
        self._obj = obj
        self.name: str = obj["metadata"]["name"]
        self._hello = hello(obj)

    async def cost(self, size: float, warm: int, cold: int) -> Cost:
        """Measure the language."""
        made = Cost(self.name, self._obj["spec"].get("version") or "", size)
        async with pool(self._world.cluster, self.name, 0):
            for _ in range(cold):
                await self._world.cluster.quiet()
                made.cold.append((await self._once())[2])
        async with (
            pool(self._world.cluster, self.name, _POOL),
            write.writes(self._world) as one_write,
        ):
            for _ in range(warm):
                await self._world.cluster.quiet()
                await one_write()
                compiled, ran, overhead = await self._once()
                made.compile.append(compiled)
                made.run.append(ran)
                made.warm.append(overhead)
        return made

    async def _once(self) -> tuple[float, float, float]:
        """Return compile time, run time and the rest of the round trip, in milliseconds."""
        answer = await self._world.client.execute(
            self.name, self._hello.stdout, code=self._hello.code
        )
        if answer.execution is None:
            raise BenchError(f"{self.name}: {answer.failure}")
        path = f"{self._world.cluster.executions}/{answer.execution}"
        status = (await self._world.cluster.rest.call("GET", path))["status"]
        compiled, ran, checked = (
            1000 * (status.get(name) or 0)
            for name in ("compileSeconds", "executionSeconds", "checkSeconds")
        )
        return compiled, ran, 1000 * answer.seconds - compiled - ran - checked


async def _sizes(rest: Rest) -> dict[str, float]:
    """Return the size in MiB of every image on a node, by name."""
    nodes = (await rest.call("GET", "/api/v1/nodes"))["items"]
    return {
        name: image["sizeBytes"] / _MIB
        for node in nodes
        for image in node["status"].get("images", [])
        for name in image.get("names") or []
    }


async def _run(to: Installation, only: set[str], warm: int, cold: int) -> list[str]:
    lines = []
    async with contextlib.AsyncExitStack() as stack:
        rest = await Rest.connect(to.kubeconfig)
        stack.push_async_callback(rest.close)
        cluster = Cluster(rest, await installed_settings(rest), to.kubeconfig)
        world = World(cluster, await stack.enter_async_context(client(to)), Figures(0), Sizes())
        sizes = await _sizes(rest)
        for obj in (await rest.call("GET", cluster.runtimes))["items"]:
            language = Language(world, obj)
            if only and language.name not in only:
                continue
            say(language.name)
            image = obj["spec"]["image"]
            size = next((mib for name, mib in sizes.items() if name.endswith(image)), 0.0)
            cost = await language.cost(size, warm, cold)
            lines.append(_line(cost, summary(world.figures["write"].values).p50))
            say(lines[-1])
    return lines


def _line(cost: Cost, one_write: float) -> str:
    warm = summary(cost.warm)
    compiled = f"{summary(cost.compile).p50:.0f}" if any(cost.compile) else ""
    return (
        f"| {cost.name} | {cost.version} | {cost.size:.0f} | {compiled} "
        f"| {summary(cost.run).p50:.0f} | {warm.p50:.0f} | {warm.p99:.0f} "
        f"| {warm.p50 / one_write:.1f} | {summary(cost.cold).p50:.0f} |"
    )


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="languages", description=__doc__)
    parser.add_argument("language", nargs="*", help="only these languages")
    parser.add_argument(
        "--warm", type=int, default=30, help="requests with a waiting Pod (default %(default)s)"
    )
    parser.add_argument(
        "--cold", type=int, default=5, help="requests without a waiting Pod (default %(default)s)"
    )
    given = parser.parse_args()
    take_precedence()
    return printed(
        lambda: [
            _HEAD,
            *uvloop.run(_run(installation(), set(given.language), given.warm, given.cold)),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
