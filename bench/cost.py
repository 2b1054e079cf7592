"""`python bench/cost.py`: what an execution costs: processor time by process, and API requests.

Clients send a number of hello worlds in single-use Pods, then in reused ones. A measurement lasts
until the pools are full again, so that the next Pods are part of it. What the cluster uses when it
is idle is subtracted.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import interrupts
from access import processes
from access.client import take_precedence
from access.installation import Installation, installation
from access.pools import runtimes
from figures.run import Figures
from plan import opened
from progress import BenchError, say
from report import printed
from rows import idle, sustained
from world import REUSE, SINGLE, Sizes

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping
    from typing import Any

    from access.server import Cluster
    from world import World

_PROGRAMS = (
    *("kube-apiserver", "etcd", "kubelet", "containerd"),
    *("kube-controller-manager", "kube-scheduler", "kube-proxy"),
)
_PODS, _MACHINE, _BENCH, _REST = "sandbox Pods", "all", "this benchmark", "shims, runc, kernel"
_LOOK_SECONDS = 1.0
"""The same in each measurement, so that the requests of looking are subtracted too."""
_MOST_SECONDS = 600.0
_SAMPLE = re.compile(r"apiserver_request_total\{(?P<labels>[^}]*)\} (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_SHOWN = 0.05
"""Requests per execution below which a kind is not shown."""


@dataclass(frozen=True)
class Reading:
    """Counters at one time."""

    at: float
    cpu: Mapping[str, float]
    """Seconds of processor time by process; empty if the node is not this machine."""
    requests: Mapping[str, float]
    """Requests that the API server has answered, by verb and resource."""


@dataclass(frozen=True)
class Span:
    """A measurement between two readings."""

    begin: Reading
    end: Reading

    def less(self, rest: Span, count: int) -> tuple[dict[str, float], dict[str, float]]:
        """Return milliseconds and requests for each of `count` executions, without those at rest.

        `rest`: a measurement of the idle cluster.
        """
        share = (self.end.at - self.begin.at) / (rest.end.at - rest.begin.at)

        def of(name: str) -> dict[str, float]:
            made = _growth(getattr(self.begin, name), getattr(self.end, name))
            idle_ = _growth(getattr(rest.begin, name), getattr(rest.end, name))
            return {key: (value - share * idle_.get(key, 0)) / count for key, value in made.items()}

        return {key: 1000 * value for key, value in of("cpu").items()}, of("requests")


def _growth(begin: Mapping[str, float], end: Mapping[str, float]) -> dict[str, float]:
    return {key: value - begin.get(key, 0) for key, value in end.items()}


def requests_of(lines: Iterable[str]) -> dict[str, float]:
    """Return the requests by verb and resource from the API server's metrics."""
    found: dict[str, float] = defaultdict(float)
    for line in lines:
        if match := _SAMPLE.match(line):
            labels = dict(_LABEL.findall(match["labels"]))
            what = "/".join(filter(None, (labels.get("resource"), labels.get("subresource"))))
            found[f"{labels.get('verb')} {what or 'other'}"] += float(match["value"])
    return found


async def _reading(cluster: Cluster) -> Reading:
    async with cluster.rest.stream("/metrics", {}, accept="text/plain") as body:
        text = (await body.read()).decode()
    components = await idle.programs(cluster)
    return Reading(time.monotonic(), _cpu(components), requests_of(text.splitlines()))


def _cpu(components: Mapping[str, processes.Inside]) -> dict[str, float]:
    """Return the seconds of processor time so far, by process."""
    if not components:
        return {}
    found = {name: processes.group_cpu_seconds(of.cpu) for name, of in components.items()}
    all_pods = processes.all_pods(next(iter(components.values())))
    found[_PODS] = processes.group_cpu_seconds(all_pods) - sum(found.values())
    found |= processes.by_program(_PROGRAMS)
    found[_BENCH] = time.process_time()
    machine = processes.machine_cpu_seconds()
    return {_MACHINE: machine, **found, _REST: machine - sum(found.values())}


async def _span(world: World, work: Coroutine[Any, Any, None]) -> Span:
    """Measure some work until the cluster is quiet after it.

    Raises:
        BenchError: it does not become quiet.
    """
    await world.cluster.quiet()
    begin = await _reading(world.cluster)
    task = asyncio.ensure_future(work)
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            while not (await world.cluster.is_quiet() and task.done()):
                await asyncio.sleep(_LOOK_SECONDS)
        await task
    except TimeoutError:
        raise BenchError(f"the cluster was not idle after {_MOST_SECONDS:.0f} s") from None
    finally:
        task.cancel()
    return Span(begin, await _reading(world.cluster))


async def _run(to: Installation, count: int, seconds: float) -> list[str]:
    columns: dict[str, tuple[dict[str, float], dict[str, float]]] = {}
    async with opened(to, Figures(0), Sizes()) as world, runtimes(world.cluster):
        say(f"idle, {seconds:.0f} s")
        rest = await _span(world, asyncio.sleep(seconds))
        for title, runtime in (("single use", SINGLE), ("reuse", REUSE)):
            say(f"{title}: {count} executions")
            span = await _span(world, sustained.batch(world, title, runtime, count))
            if failures := world.figures[title].failures:
                raise BenchError(f"{title}: {failures.most_common(1)[0][0]}")
            columns[title] = span.less(rest, count)
    cpu = {title: cpu for title, (cpu, _) in columns.items()}
    requests = {title: requests for title, (_, requests) in columns.items()}
    whole = {title: {"all": sum(of.values())} | of for title, of in requests.items()}
    lines = table("API requests per execution", whole, digits=2)
    if cpu["reuse"]:
        return [*table("processor time per execution, ms", cpu, digits=1), "", *lines]
    return ["gateway and operator run on another machine: no processor time", "", *lines]


def table(head: str, columns: Mapping[str, Mapping[str, float]], *, digits: int) -> list[str]:
    """Return a table in Markdown, the largest rows first. Small ones are left out."""
    names = {name for of in columns.values() for name in of}
    largest = {name: max(of.get(name, 0) for of in columns.values()) for name in names}
    lines = [f"| {head} | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    for name in sorted(names, key=lambda one: (-largest[one], one)):
        if largest[name] >= _SHOWN:
            cells = " | ".join(f"{of.get(name, 0):.{digits}f}" for of in columns.values())
            lines.append(f"| {name} | {cells} |")
    return lines


def main() -> int:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(prog="cost", description=__doc__)
    parser.add_argument(
        "--count", type=int, default=60, help="executions of each kind (default %(default)s)"
    )
    parser.add_argument(
        "--idle", type=float, default=20.0, help="seconds at rest (default %(default)s)"
    )
    given = parser.parse_args()
    take_precedence()
    interrupts.arm()
    return printed(lambda: interrupts.run(_run(installation(), given.count, given.idle)))


if __name__ == "__main__":
    sys.exit(main())
