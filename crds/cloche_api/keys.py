"""API keys as stored in the Secret `cloche-api-keys`: one data entry per key, hashed.

The entry's key is the API key's name, its value an `ApiKeyRecord` as JSON. A key has 256 random
bits, so its plain SHA-256 is as hard to invert as the key is to guess.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from cloche_api.limits import CONCURRENCY_MAX, LABEL_VALUE

SECRET_NAME = "cloche-api-keys"  # noqa: S105  the name of the Secret, not one
KEY_PREFIX = "clk_"


class KeyLimits(BaseModel):
    """What one API key may do."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    rate_per_minute: int | None = Field(default=None, ge=1, le=1_000_000)
    """Executions that it may ask for in a minute; the installation's default where absent."""
    concurrency: int | None = Field(default=None, ge=1, le=CONCURRENCY_MAX)
    """Its executions that run at a time, more wait; the installation's default where absent."""
    expires_at: AwareDatetime | None = None
    """When it ends; never where absent."""


class ApiKeyRecord(KeyLimits):
    """What is kept of one API key."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    tenant: str = Field(pattern=LABEL_VALUE)
    created_at: datetime


_NO_LIMITS = KeyLimits()


def hash_key(key: str) -> str:
    """Return the SHA-256 of a key's text, as 64 hexadecimal digits."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def new_key(
    tenant: str, limits: KeyLimits = _NO_LIMITS, now: datetime | None = None
) -> tuple[str, ApiKeyRecord]:
    """Return a new random key and its record. The key's text is shown once and not stored.

    `now`: the creation time, by the cluster's clock if that is known.
    """
    text = KEY_PREFIX + secrets.token_urlsafe(32)
    record = ApiKeyRecord(
        sha256=hash_key(text), tenant=tenant, created_at=now or datetime.now(UTC), **dict(limits)
    )
    return text, record
