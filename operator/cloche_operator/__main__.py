"""`python -m cloche_operator` runs the operator until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from typing import Any, cast

import kopf
import pydantic
import uvloop

from cloche_api.rest import Rest
from cloche_operator import handlers, http, logs
from cloche_operator.capacity import Capacity
from cloche_operator.context import Context
from cloche_operator.dispatcher import Dispatcher
from cloche_operator.kube import Kube
from cloche_operator.metrics import Metrics
from cloche_operator.observed import Pods, Runtimes
from cloche_operator.persist import persist
from cloche_operator.settings import Settings
from cloche_operator.sweeper import Sweeper

log = logging.getLogger("cloche_operator")


async def operate(settings: Settings) -> None:
    """Run the operator until it is told to stop."""
    _end_at_once_on_sigterm()
    asyncio.get_running_loop().set_exception_handler(_told)
    rest = await Rest.connect()
    kube = Kube(rest, settings.namespace)
    ctx = Context(settings, rest, kube, Pods(), Runtimes(kube), Metrics())
    capacity = Capacity(settings)
    dispatcher = Dispatcher(ctx, capacity)
    server = await http.serve(ctx)
    try:
        await persist(ctx.runtimes.refresh)
        for pod in await persist(kube.list_pods):
            ctx.pods.seen(pod)
        await persist(lambda: capacity.refresh(kube))
        # Less garbage collection, fewer slow requests: what is there now stays.
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        sweeping = asyncio.create_task(Sweeper(ctx, dispatcher, capacity).sweep_for_ever())
        log.info("operating in namespace %s", settings.namespace)
        await kopf.operator(
            registry=handlers.registry(ctx, dispatcher),
            settings=handlers.settings(),
            namespaces=[settings.namespace],
            standalone=True,
            # kopf would ask for the user's name, and a uid in a container may have none.
            identity=cast("Any", socket.gethostname()),
        )
        sweeping.cancel()
    finally:
        await server.cleanup()
        await rest.close()


def _end_at_once_on_sigterm() -> None:
    """Until kopf takes the signal over: the first process of a container ignores it otherwise."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what no task caught, but for uvloop's stumble over a request that was called off.

    It writes the end of TLS to a connection that it has closed, and takes that for fatal.
    """
    error = context.get("exception")
    if isinstance(error, RuntimeError) and "the handler is closed" in str(error):
        log.debug("a connection was closed while TLS was written: %s", error)
    else:
        loop.default_exception_handler(context)


def main() -> None:
    """Read the settings and operate."""
    try:
        settings = Settings()
    except pydantic.ValidationError as error:
        lines = [
            f"CLOCHE_OPERATOR_{e['loc'][0]!s}".upper() + f": {e['msg']}" for e in error.errors()
        ]
        sys.exit("\n".join(lines))
    logs.set_up(settings.log_format, settings.log_level)
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        uvloop.run(operate(settings))


if __name__ == "__main__":
    main()
