"""The dependencies of all requests, which are created once at start."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_api.accounting.write_limit import WriteLimit
from cloche_api.limits import MIB
from cloche_gateway.cluster import keys, sessions
from cloche_gateway.cluster import languages as language_cache
from cloche_gateway.cluster import waiters as waiting
from cloche_gateway.cluster.canceller import Canceller
from cloche_gateway.cluster.feeds import Feeds
from cloche_gateway.cluster.keys import KeyRing
from cloche_gateway.cluster.languages import Languages
from cloche_gateway.cluster.log_follower import Logs
from cloche_gateway.cluster.read_cache import Reads
from cloche_gateway.cluster.readiness import Readiness
from cloche_gateway.cluster.sessions import Sessions
from cloche_gateway.cluster.waiters import Waiters
from cloche_gateway.limits.bytes import Budget, CountedEnds, size_for
from cloche_gateway.limits.file_store import FileStore
from cloche_gateway.limits.rates import InFlight, Rates
from cloche_gateway.metrics import Metrics
from cloche_kube.paths import Paths
from cloche_kube.watch import Follower

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloche_gateway.settings import Settings
    from cloche_kube.client import Rest


_LISTS = 8


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of the gateway. `draining` is done once waiting requests must be answered."""

    settings: Settings
    kube: Rest
    paths: Paths
    """Paths in the namespace of the executions."""
    keys: KeyRing
    languages: Languages
    sessions: Sessions
    waiters: Waiters
    reads: Reads
    feeds: Feeds
    canceller: Canceller
    readiness: Readiness
    metrics: Metrics
    rates: Rates
    writes: WriteLimit
    in_flight: InFlight
    budget: Budget
    uploads: FileStore
    lists: asyncio.Semaphore
    """Held while pages of a collection are read, because each takes some MiB. It allows 8 at a
    time."""
    parser: ThreadPoolExecutor
    """The thread that parses large bodies: one at a time, because parsing takes several times a
    body's size."""
    draining: asyncio.Future[None]

    def drain(self) -> None:
        """Have all waiting requests answered now, because the gateway shuts down."""
        if not self.draining.done():
            self.draining.set_result(None)


@contextlib.asynccontextmanager
async def running(settings: Settings, kube: Rest) -> AsyncIterator[Context]:
    """Yield a context whose watches are running. The API server need not be reachable.

    When the block ends, the context stops, and `kube` is closed too.
    """
    ring, languages, live = (
        KeyRing(settings, kube.clock.now),
        Languages(),
        Sessions(),
    )
    paths = Paths(settings.namespace)
    waiters = Waiters(kube, paths)
    writes = WriteLimit(settings.write_bytes, settings.write_bytes_per_tenant)
    held = Budget(size_for(settings.memory_limit_mib * MIB), settings.memory_tenant_share)
    logs = Logs(kube, paths, waiters, settings.followed_logs_per_node)
    feeds = Feeds(logs, held)
    followers = {
        "keys": Follower(kube, keys.source(Paths(settings.keys_namespace)), ring),
        "runtimes": Follower(kube, language_cache.source(paths), languages),
        "sessions": Follower(kube, sessions.source(paths), live),
        "executions": Follower(
            kube, waiting.source(paths), CountedEnds(writes, waiters, languages.waiting_pods.ended)
        ),
    }
    metrics = Metrics()
    context = Context(
        settings=settings,
        kube=kube,
        paths=paths,
        keys=ring,
        languages=languages,
        sessions=live,
        waiters=waiters,
        reads=Reads(waiters.read),
        feeds=feeds,
        canceller=Canceller(kube, paths),
        readiness=Readiness(kube, paths, followers),
        metrics=metrics,
        rates=Rates(settings, metrics.rate_limit_failures),
        writes=writes,
        in_flight=InFlight(),
        budget=held,
        uploads=FileStore(held),
        lists=asyncio.Semaphore(_LISTS),
        parser=ThreadPoolExecutor(1, "parser"),
        draining=asyncio.get_running_loop().create_future(),
    )
    context.metrics.observe(
        lambda: len(waiters),
        followers,
        languages.pools,
    )
    tasks = [asyncio.create_task(f.run(), name=f"watch-{n}") for n, f in followers.items()]
    try:
        yield context
    finally:
        context.drain()
        context.uploads.clear()
        await context.canceller.finish()
        await feeds.close()
        for task in tasks:
            task.cancel()
        # Before the cancelled tasks run: otherwise a stream that they drop is closed unawaited.
        await kube.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        await waiters.close()
        await context.rates.close()
        context.parser.shutdown(wait=False, cancel_futures=True)
