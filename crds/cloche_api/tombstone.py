"""SandboxTombstone: the Idempotency-Key of an execution whose record is gone.

The name of an execution with an Idempotency-Key is derived from the key, so the record itself
prevents a second run. If such a record is removed while its key is valid, a tombstone with the same
name is created first: by the operator if retention or a short TTL removes the record, by the
gateway if a client asks for it. A crash between the two writes leaves the record, and its removal
is repeated.

Before the operator claims a Pod for an execution with a key, it reads the tombstone with its name.
If there is one, the execution ends as RecordRemoved. That read is decisive, because the tombstone
existed before the name was free. The gateway reads it before it creates the execution, so that most
clients get their 410 at once. A tombstone counts as long as it exists. Only the operator deletes
it, after it has expired.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from cloche_api import limits
from cloche_api.meta import API_VERSION
from cloche_api.model import Resource

KEY_SECONDS = limits.TTL_SECONDS_DEFAULT
"""Seconds that a key is valid after the end of its execution, or as long as its record was to be
kept, if that is longer. Clients repeat lost requests within seconds; an hour covers a client's
restart."""
BYTES = 1024
"""Bytes of a tombstone in etcd, at most: names, hash, time and metadata."""


class TombstoneSpec(Resource):
    """The reserved Idempotency-Key. All fields are immutable."""

    tenant: str | None = Field(default=None, pattern=limits.LABEL_VALUE, max_length=63)
    """Tenant that owned the execution."""
    request_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", max_length=64, alias="requestSHA256")
    """Hash of the request: the annotation cloche.dev/request-sha256 of the execution."""
    expiration_time: datetime
    """Time at which the key may be used again."""


def key_expiration(expires: datetime, ttl_seconds: int) -> datetime:
    """Return when a record's key expires. The record `expires` `ttl_seconds` after its end."""
    return expires + timedelta(seconds=max(0, KEY_SECONDS - ttl_seconds))


def manifest(name: str, tenant: str, request_sha256: str, expires: datetime) -> dict[str, Any]:
    """Return the SandboxTombstone of the execution `name`. `tenant` is empty if it has none."""
    spec = {"requestSHA256": request_sha256, "expirationTime": expires.isoformat()}
    return {
        "apiVersion": API_VERSION,
        "kind": "SandboxTombstone",
        "metadata": {"name": name},
        "spec": spec | ({"tenant": tenant} if tenant else {}),
    }
