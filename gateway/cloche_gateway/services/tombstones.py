"""Keep the Idempotency-Key of an execution whose record is removed (`cloche_api.tombstone`)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloche_api import tombstone
from cloche_api.rest import METADATA
from cloche_gateway import names
from cloche_gateway.errors import RecordRemovedError
from cloche_gateway.kube import AlreadyExistsError, ConflictError, KubeError
from cloche_gateway.services import idempotency

if TYPE_CHECKING:
    from cloche_gateway.context import Context

_CALL_SECONDS = 10.0


async def refuse(context: Context, name: str) -> None:
    """Refuse an execution of this name if it was run before and its record was removed.

    The operator looks again before it runs one: this answer is only sooner, and where the API
    server does not give it now, the create that follows decides.

    Raises:
        RecordRemovedError: it was.
    """
    path = f"{names.tombstones(context.settings.namespace)}/{name}"
    try:
        await context.kube.get(path, seconds=context.settings.api_timeout_seconds, accept=METADATA)
    except KubeError:
        return
    raise RecordRemovedError


def expiration(context: Context, record: dict[str, Any]) -> datetime:
    """When the key of an ended execution, this whole object, counts no more."""
    if ends := record["status"].get("expirationTime"):  # which the operator gives every record
        ttl_seconds = record["spec"]["ttlSecondsAfterFinished"]
        return tombstone.key_expiration(datetime.fromisoformat(ends), ttl_seconds)
    return usual_expiration(context)


def usual_expiration(context: Context) -> datetime:
    """When the key of an execution that is removed now counts no more, whenever it ended."""
    return context.kube.now() + timedelta(seconds=tombstone.KEY_SECONDS)


async def leave(context: Context, metadata: dict[str, Any], tenant: str, until: datetime) -> None:
    """Keep the key of the execution with this metadata until then, if it has one.

    To be awaited before the removal: a crash between the two must not free the key. A tombstone of
    this name that has expired is about to be deleted, and keeps nothing.

    Raises:
        KubeError: the key is not kept, and the record must stay.
    """
    sha256 = (metadata.get("annotations") or {}).get(idempotency.ANNOTATION)
    if sha256 is None or until <= context.kube.now():
        return
    path = names.tombstones(context.settings.namespace)
    manifest = tombstone.manifest(metadata["name"], tenant, sha256, until)
    try:
        await context.kube.create(path, manifest, seconds=_CALL_SECONDS)
    except AlreadyExistsError:
        found = await context.kube.get(f"{path}/{metadata['name']}", seconds=_CALL_SECONDS)
        if datetime.fromisoformat(found["spec"]["expirationTime"]) <= context.kube.now():
            raise ConflictError("its tombstone has expired and is still there") from None
