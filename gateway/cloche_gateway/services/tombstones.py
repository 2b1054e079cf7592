"""Keep the Idempotency-Key of an execution after its record is removed (`resources.tombstone`)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloche_api.meta import ANNOTATION_REQUEST_SHA256
from cloche_api.resources import tombstone
from cloche_gateway.errors import RecordRemovedError
from cloche_kube.client import METADATA
from cloche_kube.errors import AlreadyExistsError, ConflictError, KubeError

if TYPE_CHECKING:
    from cloche_gateway.context import Context

_CALL_SECONDS = 10.0


async def refuse(context: Context, name: str) -> None:
    """Raise if an execution of this name was run before and its record was removed.

    This check only makes the response faster. The operator checks again before it runs an
    execution. So if the API server does not answer, the execution is not refused here, and the
    create that follows decides.

    Raises:
        RecordRemovedError: there is a tombstone of this name.
    """
    path = context.paths.tombstone(name)
    try:
        await context.kube.get(path, seconds=context.settings.api_timeout_seconds, accept=METADATA)
    except KubeError:
        return
    raise RecordRemovedError


def expiration(context: Context, record: dict[str, Any]) -> datetime:
    """Return when the key of an ended execution may be used again. `record` is the whole object."""
    if ends := record["status"].get("expirationTime"):  # set by the operator on each record
        ttl_seconds = record["spec"]["ttlSecondsAfterFinished"]
        return tombstone.key_expiration(datetime.fromisoformat(ends), ttl_seconds)
    return usual_expiration(context)


def usual_expiration(context: Context) -> datetime:
    """Return when the key of an execution that is removed now may be used again, at the latest."""
    return context.kube.clock.now() + timedelta(seconds=tombstone.KEY_SECONDS)


async def leave(context: Context, metadata: dict[str, Any], tenant: str, until: datetime) -> None:
    """Create a tombstone that keeps the execution's Idempotency-Key, if it has one, until `until`.

    Await this before removing the record, because a crash between the two must not free the key.

    An existing tombstone of this name is sufficient, unless it has expired: the operator is about
    to delete it.

    Raises:
        KubeError: the key is not kept, so the record must not be removed.
    """
    sha256 = (metadata.get("annotations") or {}).get(ANNOTATION_REQUEST_SHA256)
    if sha256 is None or until <= context.kube.clock.now():
        return
    name = metadata["name"]
    manifest = tombstone.manifest(name, tenant, sha256, until)
    try:
        await context.kube.create(
            context.paths.tombstones, manifest, strict=True, seconds=_CALL_SECONDS
        )
    except AlreadyExistsError:
        found = await context.kube.get(context.paths.tombstone(name), seconds=_CALL_SECONDS)
        if datetime.fromisoformat(found["spec"]["expirationTime"]) <= context.kube.clock.now():
            raise ConflictError(
                409, "Conflict", "its tombstone is expired but not deleted"
            ) from None
