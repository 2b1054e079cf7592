"""Keep the Idempotency-Key of an execution whose record is removed (`cloche_api.tombstone`)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloche_api import tombstone
from cloche_api.rest import METADATA, METADATA_LIST
from cloche_gateway import names
from cloche_gateway.errors import BusyError, RecordRemovedError
from cloche_gateway.kube import AlreadyExistsError, KubeError, NotFoundError
from cloche_gateway.services import idempotency

if TYPE_CHECKING:
    from cloche_gateway.context import Context

_CALL_SECONDS = 10.0
_PAGE = 500
_AT_A_TIME = 8  # more creates hardly finish sooner on two cores


async def refuse(context: Context, name: str) -> None:
    """Refuse an execution of this name if it was run before and its record was removed.

    The operator looks again before it runs one: this answer is only sooner.

    Raises:
        RecordRemovedError: it was.
        BusyError: the API server does not answer.
    """
    path = f"{names.tombstones(context.settings.namespace)}/{name}"
    try:
        await context.kube.get(path, seconds=context.settings.api_timeout_seconds, accept=METADATA)
    except NotFoundError:
        return
    except KubeError as error:
        raise BusyError(name) from error
    raise RecordRemovedError


async def leave(context: Context, record: dict[str, Any]) -> None:
    """Keep the key of an ended execution, this whole object, which is about to be removed.

    To be awaited before the removal: a crash between the two must not free the key. Without a key
    nothing is done.

    Raises:
        KubeError: the key is not kept, and the record must stay.
    """
    ttl = record["spec"]["ttlSecondsAfterFinished"]
    expires = datetime.fromisoformat(record["status"]["expirationTime"])
    tenant = record["spec"].get("tenant", "")
    until = tombstone.key_expiration(expires, ttl)
    await _leave(context, record["metadata"], tenant, until)


async def leave_all(context: Context, tenant: str, selector: str) -> None:
    """Keep the keys of all executions of the tenant with these labels, ended or not.

    One that is created meanwhile may be missed: nothing orders it before the removal.

    Raises:
        KubeError: not all are kept.
    """
    path = names.executions(context.settings.namespace)
    params = {"labelSelector": selector, "limit": str(_PAGE)}
    until = datetime.now(UTC) + timedelta(seconds=tombstone.KEY_SECONDS)
    turns = asyncio.Semaphore(_AT_A_TIME)

    async def in_turn(metadata: dict[str, Any]) -> None:
        async with turns:
            await _leave(context, metadata, tenant, until)

    while True:
        page = await context.kube.get(
            path, seconds=_CALL_SECONDS, accept=METADATA_LIST, params=params
        )
        await asyncio.gather(*(in_turn(item["metadata"]) for item in page["items"] or []))
        if not (more := page["metadata"].get("continue")):
            return
        params["continue"] = more


async def _leave(context: Context, metadata: dict[str, Any], tenant: str, until: datetime) -> None:
    sha256 = (metadata.get("annotations") or {}).get(idempotency.ANNOTATION)
    if sha256 is None:
        return
    manifest = tombstone.manifest(metadata["name"], tenant, sha256, until)
    try:
        await context.kube.create(
            names.tombstones(context.settings.namespace), manifest, seconds=_CALL_SECONDS
        )
    except AlreadyExistsError:
        return
