"""The order of a run: every row has a turn in every round, on the same cluster."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from access.bare import SELECTOR
from access.client import SESSION, client
from access.pools import runtimes
from access.server import Cluster, installed_settings
from progress import BenchError, say
from rows import burst, cold, idle, loop, stored, sustained, warm, write
from world import World

from cloche_api import meta
from cloche_kube.client import Rest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from access.installation import Installation
    from figures.run import Figures
    from world import Sizes

NAMES = (
    "write",
    "cold",
    "warm",
    "refill",
    "clients",
    "churn",
    "single",
    "loop",
    "reuse",
    "burst",
    "stored",
    "idle",
)
"""The values of `--only`."""
MAIN_ROWS = ("warm", "refill", "cold", "churn", "single", "reuse")
"""The rows of `--main`."""


async def run(to: Installation, figures: Figures, sizes: Sizes, chosen: set[str]) -> None:
    """Measure the chosen rows. The run always removes what it has created.

    Raises:
        BenchError: something cannot be measured; the message gives the reason.
    """
    async with opened(to, figures, sizes) as world:
        if "idle" in chosen:
            say("idle, with the defaults of the chart")
            await world.cluster.quiet()
            await idle.measure(world, "idle")
        if chosen - {"idle"} or "stored" in chosen:
            async with runtimes(world.cluster):
                await _rounds(world, chosen)


@asynccontextmanager
async def opened(to: Installation, figures: Figures, sizes: Sizes) -> AsyncIterator[World]:
    """Provide the installation, without the leftovers of an earlier run.

    Raises:
        BenchError: it cannot run a program.
    """
    async with AsyncExitStack() as stack:
        rest = await Rest.connect(to.kubeconfig)
        stack.push_async_callback(rest.close)
        cluster = Cluster(rest, await installed_settings(rest), to.kubeconfig)
        await _remove_left(cluster)
        world = World(cluster, await stack.enter_async_context(client(to)), figures, sizes)
        if failure := (await world.client.execute("python")).failure:
            raise BenchError(f"{to.url} could not run a first program: {failure}. Run `make up`.")
        yield world


async def _rounds(world: World, chosen: set[str]) -> None:
    sizes = world.sizes
    if "idle" in chosen:
        await idle.waiting_pods(world)
    for number in range(1, sizes.rounds + 1):
        if number == sizes.rounds and "stored" in chosen:
            # Between two rounds of the row that it is compared with.
            await _with_stored(world, chosen)
        for name, what, measure in _rows(world, last=number == sizes.rounds):
            if name in chosen:
                await world.cluster.quiet()
                say(f"round {number} of {sizes.rounds}: {what}")
                await measure()


async def _with_stored(world: World, chosen: set[str]) -> None:
    async with stored.stored(world):
        await world.cluster.quiet()
        say(f"warm, with stored executions: {world.sizes.warm} requests")
        await warm.pool_refilling(world, world.sizes.warm, "stored")
        if "idle" in chosen:
            say("idle, with stored executions")
            await idle.measure(world, "full")


def _rows(world: World, *, last: bool) -> list[tuple[str, str, Callable[[], Awaitable[None]]]]:
    """Return the rows of a round: name, description of the measurement, and function."""
    sizes = world.sizes
    writes, colds, warms = (sizes.share(n) for n in (sizes.writes, sizes.cold, sizes.warm))
    seconds = f"{sizes.slice_seconds:.0f} s"
    at_once = ", ".join(str(number) for number in sizes.churn)
    rows: list[tuple[str, str, Callable[[], Awaitable[None]]]] = [
        ("write", f"{writes} API writes in a row", lambda: write.in_a_row(world, writes)),
        (
            "warm",
            f"{warms} requests and API writes, pool full",
            lambda: warm.pool_full(world, warms),
        ),
        (
            "refill",
            f"{warms} requests, pool refilling",
            lambda: warm.pool_refilling(world, warms),
        ),
        ("clients", f"{warms} requests, 4 at once", lambda: warm.four_clients(world, warms)),
        ("cold", f"{colds} cold requests and bare Pods", lambda: cold.measure(world, colds)),
        (
            "churn",
            f"bare Pods, {at_once} at a time, each {sizes.churn_seconds:.0f} s",
            lambda: sustained.churn(world),
        ),
        ("single", f"8 clients, single-use, {seconds}", lambda: sustained.single_use(world)),
        ("loop", f"a bare loop with 8 Pods, {seconds}", lambda: loop.measure(world)),
        ("reuse", f"8 clients, reuse, {seconds}", lambda: sustained.reuse(world)),
    ]
    if last:
        rows.append(("burst", f"{sizes.burst} requests at once", lambda: burst.measure(world)))
    return rows


async def _remove_left(cluster: Cluster) -> None:
    """Remove the leftovers of a killed run."""
    await cluster.make_unwatched()
    await cluster.remove_all(cluster.pods, SELECTOR)
    await stored.remove_left(cluster)
    await loop.remove_left(cluster)
    await cluster.remove_all(cluster.executions, f"{meta.LABEL_SESSION}={SESSION}")
