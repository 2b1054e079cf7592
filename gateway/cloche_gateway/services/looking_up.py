"""How far an execution has come."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cloche_gateway import log
from cloche_gateway.errors import BusyError, ExecutionNotFoundError
from cloche_gateway.kube import KubeError
from cloche_gateway.services import answers, results

if TYPE_CHECKING:
    from cloche_gateway.context import Context
    from cloche_gateway.keys import Caller

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def status(context: Context, caller: Caller, execution_id: str) -> dict[str, Any]:
    """What `models.StatusResponse` shows.

    Raises:
        ExecutionNotFoundError: when there is none of that id, or it is another tenant's: who asks
            must not learn which.
        BusyError: when the API server does not tell.
    """
    if not _UUID.fullmatch(execution_id):
        raise ExecutionNotFoundError(execution_id)
    log.execution_id.set(execution_id)
    try:
        obj = await context.waiters.read(execution_id)
    except KubeError as error:
        raise BusyError(execution_id) from error
    if obj is None or obj["spec"].get("tenant") != caller.tenant:
        raise ExecutionNotFoundError(execution_id)
    return results.state(obj, answers.detail_of(obj))
