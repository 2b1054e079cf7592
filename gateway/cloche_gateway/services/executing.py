"""Run a program and wait for the end of its execution."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from typing import TYPE_CHECKING, Any

from cloche_api.resources.phases import TERMINAL, Phase
from cloche_gateway.cluster.api import KubeError
from cloche_gateway.errors import (
    BusyError,
    ClientGoneError,
    DrainingError,
    FailedError,
    GatewayError,
)
from cloche_gateway.metrics import Created
from cloche_gateway.results import outcome, response
from cloche_gateway.services import creating, removal, submitting

if TYPE_CHECKING:
    from cloche_gateway.cluster.waiters import Waiter
    from cloche_gateway.context import Context
    from cloche_gateway.results.outcome import Answer
    from cloche_gateway.services.submitting import Plan

_log = logging.getLogger(__name__)


async def execute(context: Context, planned: Plan, gone: asyncio.Future[None]) -> Answer:
    """Run the program and return the response once its execution has ended.

    `gone` is done when the client has disconnected.

    If the wait ends early, the execution is cancelled, because no client would read its result.
    There are two exceptions, in which the execution goes on:

    - The request has an Idempotency-Key, so the client may retry it.
    - The gateway shuts down. The response then says where to get the result.

    Raises:
        GatewayError: its message is the response's `detail`.
    """
    began = time.perf_counter()
    with context.waiters.waiter(planned.name) as waiter:
        try:
            stored = await submitting.submit(context, planned)
            created = Created(time.perf_counter() - began, time.time())
            context.waiters.created(waiter, stored.metadata, look=not stored.fresh)
            ended = await _end(context, waiter, planned.timeout_seconds, gone)
        except DrainingError:
            raise
        except (GatewayError, asyncio.CancelledError) as error:
            if not planned.keyed:
                _give_up(context, waiter, error)
            raise
    if ended is None:
        return outcome.deleted(planned.name)
    answer = outcome.answer(ended)
    if planned.removed_once_answered:
        context.canceller.remove(planned.name, functools.partial(removal.remove, context, ended))
    if stored.fresh:
        context.metrics.ended(ended, response.status_word(ended), created)
    return answer


def _give_up(context: Context, waiter: Waiter, error: BaseException) -> None:
    """Cancel the execution if it was created, or may have been."""
    if waiter.uid is not None:
        context.canceller.cancel(waiter.name, unsure=False)
    elif isinstance(error, creating.UnsureError | asyncio.CancelledError):
        context.canceller.cancel(waiter.name, unsure=True)


async def _end(
    context: Context, waiter: Waiter, timeout_seconds: int, gone: asyncio.Future[None]
) -> dict[str, Any] | None:
    """Wait for the end and return the ended execution, or None if it was deleted.

    The wait is bounded by the program's timeout, the queue timeout and the wait margin.

    Raises:
        ClientGoneError: the client disconnected.
        DrainingError: the gateway shuts down.
        BusyError, FailedError: as `_look_once`.
    """
    seconds = (
        timeout_seconds
        + context.settings.queue_timeout_seconds
        + context.settings.wait_margin_seconds
    )
    first: set[asyncio.Future[Any]] = {waiter.ended, gone, context.draining}
    await asyncio.wait(
        first,
        timeout=seconds,
        return_when=asyncio.FIRST_COMPLETED,
    )
    if waiter.ended.done():
        return waiter.ended.result()
    if gone.done():
        raise ClientGoneError
    if context.draining.done():
        raise DrainingError(waiter.name)
    return await _look_once(context, waiter)


async def _look_once(context: Context, waiter: Waiter) -> dict[str, Any] | None:
    """Read the execution after the wait timed out, in case the watch missed its end.

    Raises:
        BusyError: it is still pending, or the API server does not answer.
        FailedError: it has started but has not ended.
    """
    name = waiter.name
    try:
        obj = await context.waiters.read(name)
    except KubeError as error:
        _log.error("execution %s: no end in time, and no API server to ask: %s", name, error)
        raise BusyError(name) from error
    if obj is None or obj["metadata"]["uid"] != waiter.uid:
        return None
    phase = response.phase_of(obj)
    if phase in TERMINAL:
        _log.error("execution %s had ended, but no event said so", name)
        return obj
    _log.error("execution %s has not ended in time, its phase is %s", name, phase)
    if phase is Phase.PENDING:
        raise BusyError(name)
    raise FailedError("its Pod did not end in time", name)
