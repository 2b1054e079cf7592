"""The removal of an execution's object, after its Idempotency-Key was saved in a tombstone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cloche_api.resources.phases import Reason
from cloche_api.resources.tombstone import manifest
from cloche_kube.retry import retry_until_available
from cloche_operator.model.status import EndedError
from cloche_operator.retention.tombstones import Tombstone

if TYPE_CHECKING:
    from cloche_operator.kube.api import Kube
    from cloche_operator.model.execution import Execution


@dataclass(frozen=True)
class Leaving:
    """An execution to remove, and the key that outlasts it."""

    name: str
    uid: str
    tenant: str
    """Empty without a tenant."""
    key: str
    """The hash of the request, if it had an Idempotency-Key; else empty."""
    key_expires: float
    """Unix time until which the key is valid."""


async def remove(kube: Kube, of: Leaving, now: datetime) -> tuple[bool, Tombstone | None]:
    """Delete the object if it still has this uid. Return whether it is gone, and its tombstone.

    The tombstone is created first. A crash between the two writes leaves the record, whose removal
    is then repeated. `now` is the API server's time. An expired key leaves no tombstone.

    Raises:
        KubeError: the object may still be there.
    """
    left = None
    if of.key and of.key_expires > now.timestamp():
        until = datetime.fromtimestamp(of.key_expires, UTC)
        await kube.create_tombstone(manifest(of.name, of.tenant, of.key, until))
        left = Tombstone(of.name, of.tenant, of.key_expires)
    return await kube.delete_execution(of.name, of.uid), left


async def ensure_not_run_before(kube: Kube, execution: Execution) -> None:
    """Look for a tombstone of the execution's Idempotency-Key, if it came with one.

    The tombstone of an earlier execution was created before its name became free for this one. So
    if there is none now, a later tombstone with this name is that of this execution.

    Raises:
        EndedError: RecordRemoved, if there is one.
    """
    if execution.request_sha256 is None:
        return
    if await retry_until_available(lambda: kube.tombstone(execution.name)) is not None:
        raise EndedError(
            Reason.RECORD_REMOVED,
            "The execution of this Idempotency-Key was removed and is not run again.",
        )
