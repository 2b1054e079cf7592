"""Run the programs of a batch concurrently."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cloche_gateway import result_body, results
from cloche_gateway.errors import ClientGoneError, ExecutionError, GatewayError
from cloche_gateway.services import execution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.context import Context
    from cloche_gateway.requests.batch_item import BatchItem
    from cloche_gateway.services.execution import Origin


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
        return _failed(item, {"execution_id": None}, item.refused or "")
    try:
        with context.budget.charged(origin.caller.tenant) as charge:
            planned = await execution.plan(context, origin, request, charge)
            del request
            answer = await execution.execute(context, planned, gone)
    except ClientGoneError:
        raise
    except GatewayError as error:
        name = error.execution_id if isinstance(error, ExecutionError) else None
        return _failed(item, {"execution_id": name}, str(error))
    if (detail := answer.body.get("detail")) is not None:
        return _failed(item, answer.body, detail)
    return results.warned({"error": None, **answer.body}, item.warnings)


def _failed(item: BatchItem, known: dict[str, Any], error: str) -> dict[str, Any]:
    failed = result_body.failed_item(known, item.language, item.session_id, error)
    return results.warned(failed, item.warnings)
