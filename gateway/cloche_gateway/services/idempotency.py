"""Idempotency-Key: the same key is the same execution, on every replica and after every restart.

The execution's name is made of tenant and key, so that the API server itself, by refusing a name
that is taken, decides who came first.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import uuid
from typing import TYPE_CHECKING

from cloche_api.meta import ANNOTATION_REQUEST_SHA256
from cloche_gateway.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_gateway.models import ExecuteRequest

ANNOTATION = ANNOTATION_REQUEST_SHA256
"""On an execution that came with an Idempotency-Key: what was asked for, hashed."""

_DOMAIN = b"cloche.dev/idempotency-key/v1"
"""Fixed, and no secret: all replicas must agree, also after a change of the API keys. Who knows
tenant and key can work out the name, and gains nothing by it: an execution's id opens nothing
(every route asks whose it is), and the tenant under the HMAC is that of the caller's API key, so
that nobody can meet another tenant's name."""
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


def key_of(values: Sequence[str]) -> str | None:
    """The header's value, None when it was not sent.

    Raises:
        InvalidRequestError: when it is sent twice, or is no key.
    """
    if not values:
        return None
    if len(values) > 1:
        raise InvalidRequestError("Idempotency-Key", "is given twice")
    if not _KEY.fullmatch(values[0]):
        raise InvalidRequestError("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
    return values[0]


def name(tenant: str, key: str) -> str:
    """The execution's name: a uuid of version 8 (RFC 9562, 5.8) made of an HMAC-SHA-256."""
    digest = hmac.new(_DOMAIN, f"{tenant}\0{key}".encode(), hashlib.sha256).digest()[:16]
    number = int.from_bytes(digest, "big")
    number = number & ~(0xF << 76) | 8 << 76  # the version
    number = number & ~(0x3 << 62) | 2 << 62  # the variant
    return str(uuid.UUID(int=number))


def fingerprint(request: ExecuteRequest) -> str:
    """What is asked for, whatever the order of its fields, hashed: 64 hexadecimal digits.

    Null is as if it were absent, so a later version's new fields change no older request's.
    """
    fields = request.model_dump(exclude_none=True)
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
