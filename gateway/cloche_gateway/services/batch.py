"""Run several programs side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cloche_gateway.errors import ClientGoneError, ExecutionError, GatewayError
from cloche_gateway.services import executing, parsing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_gateway.context import Context
    from cloche_gateway.services.submitting import Origin

_FAILED = -1
_OK = 200


async def execute(
    context: Context, origin: Origin, items: Sequence[Any], gone: asyncio.Future[None]
) -> list[dict[str, Any]]:
    """The results of all, in their order, as `models.BatchItem`.

    Raises:
        ClientGoneError: the client went away; all are cancelled.
    """
    return await asyncio.gather(*(_one(context, origin, item, gone) for item in items))


async def _one(
    context: Context, origin: Origin, item: Any, gone: asyncio.Future[None]
) -> dict[str, Any]:
    try:
        answer = await executing.execute(context, origin, parsing.batch_item(item), gone)
    except ClientGoneError:
        raise
    except GatewayError as error:
        name = error.execution_id if isinstance(error, ExecutionError) else None
        return _failed({"execution_id": name}, item, str(error))
    if answer.status == _OK:
        return {**answer.body, "error": None}
    return _failed(answer.body, item, answer.body["detail"])


def _failed(body: dict[str, Any], item: Any, error: str) -> dict[str, Any]:
    """What is known of one that failed, in the shape of a result."""
    asked = item if isinstance(item, dict) else {}
    unknown = {
        "stdout": "",
        "stderr": "",
        "execution_time": None,
        "language": _text(asked.get("language")),
        "session_id": _text(asked.get("session_id")),
        "stdout_truncated": False,
        "stderr_truncated": False,
        "reason": None,
        "usage": None,
        "queue_time": None,
    }
    known = {field: value for field, value in body.items() if field != "detail"}
    return {**unknown, **known, "exit_code": _FAILED, "error": error}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
