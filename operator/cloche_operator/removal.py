"""The removal of an execution's object: the one way, which keeps its Idempotency-Key before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cloche_api.tombstone import manifest
from cloche_operator.tombstones import Tombstone

if TYPE_CHECKING:
    from cloche_operator.kube import Kube


@dataclass(frozen=True)
class Leaving:
    """What is to be removed, and the key that outlasts it."""

    name: str
    uid: str
    tenant: str
    """Empty when nobody's."""
    key: str
    """The hash of what was asked for with its Idempotency-Key; empty without one."""
    key_expires: float
    """Seconds since 1970 (UTC) until which that counts."""


async def remove(kube: Kube, of: Leaving, now: datetime) -> tuple[bool, Tombstone | None]:
    """Delete the object, if it is still that one; whether it is gone, and the tombstone if any.

    The tombstone is created first: a crash between the two writes leaves the record, and its
    removal is repeated. `now` is the API server's time: a key whose time is over leaves nothing.

    Raises:
        ApiError, UnavailableError: the object may still be there.
    """
    left = None
    if of.key and of.key_expires > now.timestamp():
        until = datetime.fromtimestamp(of.key_expires, UTC)
        await kube.create_tombstone(manifest(of.name, of.tenant, of.key, until))
        left = Tombstone(of.name, of.tenant, of.key_expires)
    return await kube.delete_execution(of.name, of.uid), left
