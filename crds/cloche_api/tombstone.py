"""SandboxTombstone: the Idempotency-Key of an execution whose record is gone.

The name of an execution with an Idempotency-Key is made of the key, so that the record itself
refuses a second run. Whoever removes such a record while its key counts creates a tombstone of the
same name first: the operator when retention or a short TTL removes the record, the gateway when a
client asks for it. A crash between the two writes leaves the record, and its removal is repeated.

The operator reads the tombstone of each execution with a key before it claims a Pod, and ends the
execution as RecordRemoved where there is one. That read is decisive: the tombstone was there before
the name was free. The gateway looks before it creates, so that most clients get their 410 at once.
A tombstone counts as long as it exists; the operator alone deletes it, when it has expired.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from cloche_api import limits
from cloche_api.meta import API_VERSION
from cloche_api.model import Resource

KEY_SECONDS = limits.TTL_SECONDS_DEFAULT
"""A key counts for so long after its execution's end, or as long as its record was to be kept if
that is longer. Lost requests are repeated within seconds; an hour covers a client's restart."""
BYTES = 1024
"""What a tombstone takes in etcd, at most: names, hash, time and metadata."""


class TombstoneSpec(Resource):
    """Whose key it is, what was asked for with it, and how long it counts; nothing changes."""

    tenant: str | None = Field(default=None, pattern=limits.LABEL_VALUE, max_length=63)
    """The tenant of the execution."""
    request_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", max_length=64, alias="requestSHA256")
    """The execution's annotation cloche.dev/request-sha256: the hash of what was asked for."""
    expiration_time: datetime
    """When the key may be used again."""


def key_expiration(expires: datetime, ttl_seconds: int) -> datetime:
    """Return when the key of a record that `expires` so long after its end counts no more."""
    return expires + timedelta(seconds=max(0, KEY_SECONDS - ttl_seconds))


def manifest(name: str, tenant: str, request_sha256: str, expires: datetime) -> dict[str, Any]:
    """Return the SandboxTombstone of the execution `name`; `tenant` is empty where it has none."""
    spec = {"requestSHA256": request_sha256, "expirationTime": expires.isoformat()}
    return {
        "apiVersion": API_VERSION,
        "kind": "SandboxTombstone",
        "metadata": {"name": name},
        "spec": spec | ({"tenant": tenant} if tenant else {}),
    }
