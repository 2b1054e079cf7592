"""How far an execution has come."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from cloche_api import logs
from cloche_gateway import waiting
from cloche_gateway.errors import BusyError, ClientGoneError, ExecutionNotFoundError
from cloche_gateway.kube import KubeError
from cloche_gateway.services import answers, results

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloche_gateway.context import Context
    from cloche_gateway.keys import Caller

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def status(
    context: Context, caller: Caller, execution_id: str, *, fresh: bool = False
) -> dict[str, Any]:
    """What `models.StatusResponse` shows, as it was a moment ago at most, or `fresh`.

    Raises:
        ExecutionNotFoundError: when there is none of that id, or it is another tenant's: who asks
            must not learn which.
        BusyError: when the API server does not tell.
    """
    ask = context.waiters.read if fresh else context.reads.read
    return _shown(await read(ask, caller, execution_id))


async def status_at_end(
    context: Context,
    caller: Caller,
    execution_id: str,
    seconds: float,
    gone: asyncio.Future[None],
) -> dict[str, Any]:
    """The same, once it has ended, or as it is after `seconds`.

    Raises:
        ClientGoneError: when `gone` is done before.
        GatewayError: as `status`.
    """
    with context.waiters.waiter(execution_id) as waiter:
        obj = await read(context.reads.read, caller, execution_id)
        if waiting.is_terminal(obj):
            return _shown(obj)
        # What was read may be a moment old, and the end have come within it.
        context.waiters.created(waiter, obj["metadata"], look=True)
        del obj
        first: set[asyncio.Future[Any]] = {waiter.ended, gone, context.draining}
        await asyncio.wait(first, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if waiter.ended.done():
        context.reads.forget(execution_id)  # what was read before is known to be over
        if (ended := waiter.ended.result()) is None:
            raise ExecutionNotFoundError(execution_id)
        return _shown(ended)
    if gone.done():
        raise ClientGoneError
    return await status(context, caller, execution_id)


async def read(
    ask: Callable[[str], Awaitable[dict[str, Any] | None]], caller: Caller, execution_id: str
) -> dict[str, Any]:
    """The execution's object as `ask` tells it, if it is the caller's.

    Raises:
        ExecutionNotFoundError, BusyError: as `status`.
    """
    if not _UUID.fullmatch(execution_id):
        raise ExecutionNotFoundError(execution_id)
    logs.execution_id.set(execution_id)
    try:
        obj = await ask(execution_id)
    except KubeError as error:
        raise BusyError(execution_id) from error
    if obj is None or obj["spec"].get("tenant") != caller.tenant:
        raise ExecutionNotFoundError(execution_id)
    return obj


def _shown(obj: dict[str, Any]) -> dict[str, Any]:
    return results.state(obj, answers.detail_of(obj))
