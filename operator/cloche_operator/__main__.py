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
import pydantic
import uvloop

from cloche_api import logs
from cloche_api.accounting.budget import ByteBudget
from cloche_kube.client import Rest
from cloche_kube.errors import NoClusterError
from cloche_operator import handlers, http
from cloche_operator.executions.dispatcher import Dispatcher
from cloche_operator.kube.api import Kube
from cloche_operator.leader.sweeper import Sweeper
from cloche_operator.leader.takeover import look_around, remove
from cloche_operator.metrics import Metrics
from cloche_operator.pools.manager import Pools
from cloche_operator.pools.runtime_status import Announcer
from cloche_operator.queue.capacity import Capacity
from cloche_operator.retention.index import Records
from cloche_operator.retention.writes import write_limit
from cloche_operator.sessions.registry import Sessions
from cloche_operator.settings import Settings
from cloche_operator.state.cache import Pods, Runtimes
from cloche_operator.state.context import Context
from cloche_operator.state.lease import Lease, LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Coroutine

_FAILED = 3
_COLLECT_THRESHOLDS = (20_000, 20, 20)
_COLLECT_SECONDS = 10.0

log = logging.getLogger("cloche_operator")


async def operate(settings: Settings) -> None:
    """Wait for the Lease, then operate until the process is asked to stop."""
    _end_at_once_on_sigterm()
    asyncio.get_running_loop().set_exception_handler(_told)
    rest = await Rest.connect()
    kube = Kube(rest, settings.namespace, settings.lease_namespace)
    ctx = Context(
        settings=settings,
        rest=rest,
        kube=kube,
        pods=Pods(settings.users),
        runtimes=Runtimes(kube),
        metrics=Metrics(),
        lease=Lease(kube, settings),
        capacity=Capacity(settings),
        budget=ByteBudget(settings.buffer_bytes),
        records=Records(settings),
        writes=write_limit(settings),
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
    dispatcher = Dispatcher(ctx, pools, sessions)
    spent = await look_around(ctx)
    for runtime in ctx.runtimes:
        pools.runtime_seen(runtime)
    sweeper = Sweeper(ctx, dispatcher, pools.holds)
    work = [
        _while_leading(ctx.lease.keep(), "the Lease"),
        _while_leading(sweeper.sweep_for_ever(), "the sweep"),
        _while_leading(pools.fill_for_ever(), "the pools"),
        _while_leading(Announcer(ctx, pools).announce_for_ever(), "the runtimes' status"),
        _while_leading(_collect_in_pauses(pools), "the garbage collection"),
        asyncio.create_task(remove(ctx, spent)),
    ]

    async def drain() -> None:
        await dispatcher.drain(ctx.settings.drain_seconds)
        sessions.stop()
        await pools.close()
        for task in work:
            task.cancel()

    log.info("operating in namespace %s", ctx.settings.namespace)
    await kopf.operator(
        registry=handlers.registry(ctx, dispatcher, pools, sessions, drain),
        settings=handlers.settings(),
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


def _while_leading(work: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
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


def _told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
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
        log.info("a request that nothing waits for failed: %r", error)
    else:
        loop.default_exception_handler(context)


def main() -> None:
    """Run the operator. Exit with 1 if the settings or the kubeconfig are invalid."""
    try:
        settings = Settings()
    except pydantic.ValidationError as error:
        lines = [
            f"CLOCHE_OPERATOR_{e['loc'][0]!s}".upper() + f": {e['msg']}" for e in error.errors()
        ]
        sys.exit("\n".join(lines))
    logs.configure(settings.log_format, settings.log_level)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    try:
        uvloop.run(operate(settings))
    except NoClusterError as error:
        sys.exit(f"cloche-operator: {error}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass


if __name__ == "__main__":
    main()
