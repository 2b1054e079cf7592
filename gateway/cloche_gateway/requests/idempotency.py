"""Idempotency-Key: map a key to the same execution on every replica and after every restart.

The execution's name is derived from tenant and key. The API server rejects a name that is taken,
and so decides which of several requests was first.
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
"""The annotation with the request's `fingerprint`, on an execution with an Idempotency-Key."""

_DOMAIN = b"cloche.dev/idempotency-key/v1"
"""The HMAC key. It is a constant, because all replicas must derive the same name, also after a
change of the API keys.

It does not have to be secret. A client that knows tenant and key can compute the name, but gains
nothing: an execution's id grants no access (each route checks the tenant). The tenant in the HMAC
is that of the caller's API key, so a client cannot produce a name of another tenant.
"""
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


def key_of(values: Sequence[str]) -> str | None:
    """Return the value of the header Idempotency-Key, or None if it was not sent.

    Raises:
        InvalidRequestError: it was sent twice, or is not 1 to 255 printable ASCII characters.
    """
    if not values:
        return None
    if len(values) > 1:
        raise InvalidRequestError("Idempotency-Key", "is given twice")
    if not _KEY.fullmatch(values[0]):
        raise InvalidRequestError("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
    return values[0]


def name(tenant: str, key: str) -> str:
    """Return the execution's name: a version 8 UUID (RFC 9562, 5.8) made from an HMAC-SHA-256."""
    digest = hmac.new(_DOMAIN, f"{tenant}\0{key}".encode(), hashlib.sha256).digest()[:16]
    number = int.from_bytes(digest, "big")
    number = number & ~(0xF << 76) | 8 << 76  # the version
    number = number & ~(0x3 << 62) | 2 << 62  # the variant
    return str(uuid.UUID(int=number))


def fingerprint(request: ExecuteRequest) -> str:
    """Return a SHA-256 of the request, as 64 hexadecimal digits.

    The order of fields does not matter. A null field counts as absent, so optional fields that a
    later version adds do not change the fingerprint of existing requests.
    """
    fields = request.model_dump(exclude_none=True)
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
