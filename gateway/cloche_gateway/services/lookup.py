"""Get the status of an execution."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from cloche_api import logs
from cloche_gateway import results
from cloche_gateway.cluster import waiters
from cloche_gateway.errors import BusyError, ClientGoneError, ExecutionNotFoundError
from cloche_kube.errors import KubeError
from cloche_kube.tasks import first_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.context import Context

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def status(
    context: Context, caller: Caller, execution_id: str, *, fresh: bool = False
) -> dict[str, Any]:
    """Return the `models.StatusResponse` of an execution.

    It is at most 0.2 s old. With `fresh` it is read from the API server in any case.

    Raises:
        ExecutionNotFoundError: the execution does not exist, or belongs to another tenant. The
            caller must not learn which.
        BusyError: the API server does not answer.
    """
    ask = context.waiters.read if fresh else context.reads.read
    return results.state(await read(ask, caller, execution_id))


async def status_at_end(
    context: Context,
    caller: Caller,
    execution_id: str,
    seconds: float,
    gone: asyncio.Future[None],
) -> dict[str, Any]:
    """Wait up to `seconds` for the execution's end and return its `models.StatusResponse`.

    Raises:
        ClientGoneError: `gone` is done first, because the client disconnected.
        GatewayError: as `status`.
    """
    with context.waiters.waiter(execution_id) as waiter:
        obj = await read(context.reads.read, caller, execution_id)
        if waiters.is_terminal(obj):
            return results.state(obj)
        # The read may be 0.2 s old, so the execution may have ended since.
        context.waiters.created(waiter, obj["metadata"], look=True)
        del obj
        first: asyncio.Future[Any] | None = None
        with contextlib.suppress(TimeoutError):
            first = await first_of(waiter.ended, gone, context.draining, seconds=seconds)
    if first is waiter.ended:
        context.reads.forget(execution_id)  # The cached read is outdated.
        if (ended := waiter.ended.result()) is None:
            raise ExecutionNotFoundError(execution_id)
        return results.state(ended)
    if first is gone:
        raise ClientGoneError
    return await status(context, caller, execution_id)


async def read(
    ask: Callable[[str], Awaitable[dict[str, Any] | None]], caller: Caller, execution_id: str
) -> dict[str, Any]:
    """Return the SandboxExecution that `ask` reads, if it belongs to the caller's tenant.

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
