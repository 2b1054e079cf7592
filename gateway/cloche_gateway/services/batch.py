"""Run the programs of a batch concurrently."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cloche_gateway.errors import ClientGoneError, ExecutionError, GatewayError
from cloche_gateway.services import executing, submitting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.context import Context
    from cloche_gateway.requests.parsing import BatchItem
    from cloche_gateway.services.submitting import Origin

_FAILED = -1
_OK = 200


async def execute(
    context: Context,
    origin: Origin,
    items: Sequence[BatchItem],
    charge: Charge,
    gone: asyncio.Future[None],
) -> list[dict[str, Any]]:
    """Run all items and return their results in request order, each as `models.BatchItem`.

    `charge` covers the body. It is released first, because each item is then charged separately.
    Each item's request is dropped from memory as soon as its execution is created.

    Raises:
        ClientGoneError: the client disconnected; all executions are cancelled, except those that
            have ended.
    """
    charge.release()  # Each item is charged before its first await.
    return await asyncio.gather(*(_one(context, origin, item, gone) for item in items))


async def _one(
    context: Context, origin: Origin, item: BatchItem, gone: asyncio.Future[None]
) -> dict[str, Any]:
    request, item.request = item.request, None  # frees the request once it is planned
    if request is None:
        return _failed({"execution_id": None}, item, item.refused or "")
    try:
        with context.budget.charged(origin.caller.tenant) as charge:
            planned = await submitting.plan(context, origin, request, charge)
            del request
            answer = await executing.execute(context, planned, gone)
    except ClientGoneError:
        raise
    except GatewayError as error:
        name = error.execution_id if isinstance(error, ExecutionError) else None
        return _failed({"execution_id": name}, item, str(error))
    if answer.status == _OK:
        return {**answer.body, "error": None}
    return _failed(answer.body, item, answer.body["detail"])


def _failed(body: dict[str, Any], item: BatchItem, error: str) -> dict[str, Any]:
    """Return a failed item in the shape of a result, with unknown fields as null."""
    unknown = {
        "stdout": "",
        "stderr": "",
        "execution_time": None,
        "language": item.language,
        "session_id": item.session_id,
        "stdout_truncated": False,
        "stderr_truncated": False,
        "reason": None,
        "usage": None,
        "queue_time": None,
    }
    known = {field: value for field, value in body.items() if field != "detail"}
    return {**unknown, **known, "exit_code": _FAILED, "error": error}
