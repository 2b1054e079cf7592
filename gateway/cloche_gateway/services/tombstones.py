"""Keep the Idempotency-Key of an execution whose record is removed (`cloche_api.tombstone`)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloche_api import tombstone
from cloche_api.rest import METADATA
from cloche_gateway import names
from cloche_gateway.errors import RecordRemovedError
from cloche_gateway.kube import AlreadyExistsError, KubeError
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


async def leave(context: Context, record: dict[str, Any]) -> None:
    """Keep the key of an ended execution, this whole object, which is about to be removed.

    To be awaited before the removal: a crash between the two must not free the key. Without a key
    nothing is done.

    Raises:
        KubeError: the key is not kept, and the record must stay.
    """
    spec, until = record["spec"], usual_expiration(context)
    if ends := record["status"].get("expirationTime"):  # which the operator gives every record
        expires = datetime.fromisoformat(ends)
        until = tombstone.key_expiration(expires, spec["ttlSecondsAfterFinished"])
    await leave_until(context, record["metadata"], spec.get("tenant", ""), until)


def usual_expiration(context: Context) -> datetime:
    """When the key of an execution that is removed now counts no more, whenever it ended."""
    return context.kube.now() + timedelta(seconds=tombstone.KEY_SECONDS)


async def leave_until(
    context: Context, metadata: dict[str, Any], tenant: str, until: datetime
) -> None:
    """Keep the key of the execution with this metadata until then, if it has one.

    Raises:
        KubeError: as `leave`.
    """
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
