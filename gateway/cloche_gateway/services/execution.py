"""Execute a program: plan its execution, submit it, and wait for its end if the client does."""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from cloche_api import logs
from cloche_api.meta import ANNOTATION_REQUEST_SHA256, SESSION_PREFIX
from cloche_api.resources.phases import TERMINAL, Phase
from cloche_gateway import results
from cloche_gateway.errors import (
    BusyError,
    ClientGoneError,
    DrainingError,
    FailedError,
    GatewayError,
)
from cloche_gateway.metrics import Created
from cloche_gateway.requests import manifest, validation
from cloche_gateway.services import lookup, removal, sessions, submission
from cloche_gateway.services.submission import Plan
from cloche_kube.errors import KubeError
from cloche_kube.tasks import first_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.cluster.waiters import Waiter
    from cloche_gateway.context import Context
    from cloche_gateway.models import ExecuteRequest
    from cloche_gateway.results import Answer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """The caller of a request, the request's id, and its Idempotency-Key, if any."""

    caller: Caller
    request_id: str
    key: str | None = None


async def plan(context: Context, origin: Origin, request: ExecuteRequest, charge: Charge) -> Plan:
    """Validate the request and build its execution. `charge` is resized to the memory of both.

    Raises:
        OverloadedError: the memory budget has no room for it.
        GatewayError: its message is the response's `detail`.
    """
    # Twice: the parsed request, and the JSON that is sent to the API server.
    charge.resize(2 * memory_of(request))
    language = context.languages.find(request.language)
    validation.check(request, language)
    session = request.session_id
    if session is not None and session.startswith(SESSION_PREFIX):
        await sessions.check(context, origin.caller, session, request, language)
    key = origin.key
    name = str(uuid.uuid4()) if key is None else manifest.name_for(origin.caller.tenant, key)
    obj = manifest.execution(name, request, language, origin.caller, origin.request_id)
    if key is not None:
        obj["metadata"]["annotations"][ANNOTATION_REQUEST_SHA256] = manifest.fingerprint(request)
    logs.execution_id.set(name)
    full = language.name in context.languages.storage_full
    return Plan(
        name=name,
        keyed=key is not None,
        storage_full=full,
        timeout_seconds=manifest.total_seconds(request),
        removed_once_answered=request.ttl_seconds == 0,
        obj=obj,
        source=manifest.separated(obj),
        charge=charge,
    )


def memory_of(value: object) -> int:
    """Return the bytes of memory that a parsed request takes.

    Only strings are counted, which take 1, 2 or 4 bytes per character.
    """
    if isinstance(value, str):
        return sys.getsizeof(value)
    if isinstance(value, BaseModel):
        value = vars(value)
    if isinstance(value, dict):
        return sum(memory_of(key) + memory_of(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(map(memory_of, value))
    return 0


async def execute(
    context: Context,
    planned: Plan,
    gone: asyncio.Future[None],
    *,
    created: Callable[[], None] | None = None,
    cancels: bool = True,
) -> Answer:
    """Run the program and return the response once its execution has ended.

    Raises:
        GatewayError: as `run`.
    """
    ended = await run(context, planned, gone, created=created, cancels=cancels)
    return results.deleted(planned.name) if ended is None else results.answer(ended)


async def run(
    context: Context,
    planned: Plan,
    gone: asyncio.Future[None],
    *,
    created: Callable[[], None] | None = None,
    cancels: bool = True,
) -> dict[str, Any] | None:
    """Run the program and return its ended execution, or None if that was deleted.

    `gone` is done when the client has disconnected. `created` is called once the execution exists.

    If the wait ends early, the execution is cancelled, because no client would read its result.
    In these cases the execution goes on:

    - The request has an Idempotency-Key, so the client may retry it.
    - The gateway shuts down. The response then says where to get the result.
    - The client has disconnected, and not `cancels`.

    Raises:
        GatewayError: its message is the response's `detail`.
    """
    began = time.perf_counter()
    with context.waiters.waiter(planned.name) as waiter:
        try:
            stored = await submission.submit(context, planned)
            recorded = Created(time.perf_counter() - began, time.time())
            context.waiters.created(waiter, stored.metadata, look=not stored.fresh)
            if created is not None:
                created()
            ended = await _end(context, waiter, planned.timeout_seconds, gone)
        except DrainingError:
            raise
        except (GatewayError, asyncio.CancelledError) as error:
            if not planned.keyed and (cancels or not isinstance(error, ClientGoneError)):
                _give_up(context, waiter, error)
            raise
    if ended is None:
        return None
    if planned.removed_once_answered:
        context.canceller.remove(planned.name, functools.partial(removal.remove, context, ended))
    if stored.fresh:
        context.metrics.ended(ended, recorded)
    return ended


async def start(context: Context, caller: Caller, planned: Plan) -> dict[str, Any]:
    """Create the execution and return its `models.StatusResponse`.

    If a request with the same Idempotency-Key already created the execution, return its current
    status.

    Raises:
        GatewayError: its message is the response's `detail`.
    """
    try:
        stored = await submission.submit(context, planned)
    except submission.UnsureError:
        if not planned.keyed:  # Without a key the client cannot find the execution.
            context.canceller.cancel(planned.name, unsure=True)
        raise
    if stored.fresh:
        context.waiters.on_end(stored.uid, context.metrics.ended)
        return results.state({"metadata": stored.metadata})
    return await lookup.status(context, caller, planned.name, fresh=True)


def _give_up(context: Context, waiter: Waiter, error: BaseException) -> None:
    """Cancel the execution if it was created, or may have been."""
    if waiter.uid is not None:
        context.canceller.cancel(waiter.name, unsure=False)
    elif isinstance(error, submission.UnsureError | asyncio.CancelledError):
        context.canceller.cancel(waiter.name, unsure=True)


async def _end(
    context: Context, waiter: Waiter, timeout_seconds: float, gone: asyncio.Future[None]
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
    try:
        first = await first_of(waiter.ended, gone, context.draining, seconds=seconds)
    except TimeoutError:
        return await _look_once(context, waiter)
    if first is gone:
        raise ClientGoneError
    if first is context.draining:
        raise DrainingError(waiter.name)
    return waiter.ended.result()


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
        _log.error(
            "execution %s: no end in time, and the API server is unreachable: %s", name, error
        )
        raise BusyError(name) from error
    if obj is None or obj["metadata"]["uid"] != waiter.uid:
        return None
    phase = results.phase_of(obj)
    if phase in TERMINAL:
        _log.error("execution %s: the watch missed its end", name)
        return obj
    _log.error("execution %s: no end in time, phase %s", name, phase)
    if phase is Phase.PENDING:
        raise BusyError(name)
    raise FailedError("its Pod did not end in time", name)
