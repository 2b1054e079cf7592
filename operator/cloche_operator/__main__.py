"""`python -m cloche_operator` runs the operator until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import kopf
import uvloop

from cloche_api import logs
from cloche_api.accounting.budget import ByteBudget
from cloche_api.accounting.write_limit import WriteLimit
from cloche_api.settings import SettingsError
from cloche_kube.client import Rest
from cloche_kube.errors import NoClusterError
from cloche_operator import handlers, http, watches
from cloche_operator.context import Context
from cloche_operator.executions.dispatcher import Dispatcher
from cloche_operator.kube.api import Kube
from cloche_operator.leader.sweeper import Sweeper
from cloche_operator.leader.takeover import adopt_cluster_state, remove
from cloche_operator.metrics import Metrics
from cloche_operator.pools.filler import Filler
from cloche_operator.pools.manager import Pools
from cloche_operator.pools.runtime_status import RuntimeStatusWriter
from cloche_operator.queue.capacity import Capacity
from cloche_operator.retention.index import Records
from cloche_operator.sessions.registry import Sessions
from cloche_operator.settings import load
from cloche_operator.state.cache import Pods, Runtimes
from cloche_operator.state.container_starts import ContainerStarts
from cloche_operator.state.events import Events
from cloche_operator.state.lease import Lease, LeaseLostError
from cloche_operator.state.pod_uses import PodUses

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from cloche_operator.settings import Settings

_INVALID_SETTINGS = 2
_FAILED = 3
_COLLECT_THRESHOLDS = (20_000, 20, 20)
_COLLECT_SECONDS = 10.0

log = logging.getLogger("cloche_operator")


async def operate(settings: Settings) -> None:
    """Wait for the Lease, then operate until the process is asked to stop."""
    _end_at_once_on_sigterm()
    asyncio.get_running_loop().set_exception_handler(_log_uncaught)
    rest = await Rest.connect()
    kube = Kube(rest, settings.namespace, settings.lease_namespace)
    lease = Lease(kube, settings)
    pods = Pods(settings.users)
    ctx = Context(
        settings=settings,
        rest=rest,
        kube=kube,
        pods=pods,
        uses=PodUses(),
        container_starts=ContainerStarts(rest, kube.container_starts, pods),
        runtimes=Runtimes(kube),
        metrics=Metrics(),
        lease=lease,
        events=Events(kube, settings.namespace, lease.identity),
        capacity=Capacity(settings),
        budget=ByteBudget(settings.buffer_bytes),
        records=Records(settings),
        writes=WriteLimit(*settings.write_limits),
        now=rest.clock.now,
    )
    server = await http.serve(ctx)
    try:
        log.info("waiting to lead, as %s", ctx.lease.identity)
        await ctx.lease.acquire()
        ctx.metrics.leading.set(1)
        try:
            await _lead(ctx)
        finally:
            await ctx.lease.release()
    finally:
        await server.cleanup()
        await rest.close()


async def _lead(ctx: Context) -> None:
    """Run the leader's tasks until kopf stops."""
    pools = Pools(ctx)
    sessions = Sessions(ctx, pools)
    adopted = await adopt_cluster_state(ctx)
    dispatcher = Dispatcher(ctx, pools, sessions, adopted.executions)
    for runtime in ctx.runtimes:
        pools.runtime_seen(runtime)
    sweeper = Sweeper(ctx, dispatcher, pools.holds)
    work = [
        while_leading(ctx.lease.keep(), "the Lease"),
        while_leading(sweeper.sweep_for_ever(), "the sweep"),
        while_leading(Filler(ctx, pools).fill_for_ever(), "the pools"),
        while_leading(RuntimeStatusWriter(ctx, pools).write_for_ever(), "the runtimes' status"),
        while_leading(ctx.events.post_for_ever(), "the Events"),
        while_leading(watches.follow_executions(ctx, dispatcher), "the watch of executions"),
        while_leading(watches.follow_pods(ctx, pools), "the watch of Pods"),
        while_leading(ctx.container_starts.follow_for_ever(), "the watch of Events"),
        while_leading(_collect_in_pauses(pools), "the garbage collection"),
        asyncio.create_task(remove(ctx, adopted.spent)),
    ]

    async def drain() -> None:
        await dispatcher.drain(ctx.settings.drain_seconds)
        sessions.stop()
        await pools.close()
        for task in work:
            task.cancel()

    log.info("operating in namespace %s", ctx.settings.namespace)
    await kopf.operator(
        memo=handlers.Memo(ctx, pools, sessions, drain),
        namespaces=[ctx.settings.namespace],
        standalone=True,
        # kopf's default looks up the user's name, and a UID in a container may have none.
        identity=cast("Any", socket.gethostname()),
    )


async def _collect_in_pauses(pools: Pools) -> None:
    """Collect garbage rarely, and run full collections only while no program runs.

    A collection delays requests, so the thresholds are high. After each collection, free memory is
    returned to the system: after large outputs malloc keeps 7 MiB more than it uses.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    gc.collect()
    gc.freeze()  # the objects of the start-up are never garbage
    gc.set_threshold(*_COLLECT_THRESHOLDS)
    while True:
        await asyncio.sleep(_COLLECT_SECONDS)
        if pools.quiet:
            gc.collect()
            if trim is not None:
                trim(0)


def while_leading(work: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
    """Run a task of the leader. If it fails, exit the process.

    All state is in the API server, so the next leader can continue from there. An operator that
    lacks one of its tasks would hold the Lease without doing the work.
    """

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log.critical("%s: %s", what, error, exc_info=_details(error))
            logging.shutdown()
            os._exit(_FAILED)

    task = asyncio.create_task(work)
    task.add_done_callback(ended)
    return task


def _details(error: BaseException) -> BaseException | None:
    """Return the exception whose traceback is logged, or None if the error is an expected one."""
    return None if isinstance(error, LeaseLostError) else error


def _end_at_once_on_sigterm() -> None:
    """Stop on SIGTERM until kopf handles it: by default, a container's PID 1 ignores it."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _log_uncaught(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log exceptions that no task caught. Two harmless kinds are logged in one line each.

    - After a request was cancelled, uvloop writes the end of TLS to a connection that it has
      already closed, and reports this as a fatal error.
    - If SIGTERM arrives while kopf discovers the API's resources, no task waits for its requests
      any more, and they fail when their connection closes.
    """
    error = context.get("exception")
    if isinstance(error, RuntimeError) and "the handler is closed" in str(error):
        log.debug("a connection was closed while TLS was written: %s", error)
    elif isinstance(error, (aiohttp.ClientError, ConnectionError)):
        log.info("an abandoned request failed: %r", error)
    else:
        loop.default_exception_handler(context)


def main() -> None:
    """Run the operator. Exit with 2 if the settings or the cluster's credentials are invalid."""
    try:
        settings = load()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_INVALID_SETTINGS)
    logs.configure(settings.log_format, settings.log_level)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    try:
        uvloop.run(operate(settings))
    except NoClusterError as error:
        sys.stderr.write(f"cloche-operator: {error}\n")
        sys.exit(_INVALID_SETTINGS)
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass


if __name__ == "__main__":
    main()
