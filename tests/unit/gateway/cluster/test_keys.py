"""A key expires by the clock of the API server, and a request without one can have a named key."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from cloche_api.keys import ApiKeyRecord, hash_key
from cloche_gateway.cluster.keys import KeyRing
from cloche_gateway.errors import BusyError, KeyExpiredError, KeyRequiredError
from cloche_gateway.settings import Settings

EXPIRY = datetime(2026, 1, 2, tzinfo=UTC)


def _ring(now: datetime) -> KeyRing:
    record = ApiKeyRecord(
        sha256=hash_key("secret"), tenant="a", created_at=EXPIRY, expires_at=EXPIRY
    )
    ring = KeyRing(Settings(), lambda: now)
    ring.replace([{"data": {"k": base64.b64encode(record.model_dump_json().encode()).decode()}}])
    return ring


def test_a_key_is_valid_before_its_expiry() -> None:
    assert _ring(EXPIRY - timedelta(seconds=1)).caller("secret").tenant == "a"


def test_a_key_is_invalid_from_its_expiry() -> None:
    with pytest.raises(KeyExpiredError):
        _ring(EXPIRY).caller("secret")


def test_a_request_without_a_key_can_have_the_tenant_of_a_named_key() -> None:
    assert _ring(EXPIRY - timedelta(seconds=1)).named("k").tenant == "a"


def test_a_named_key_that_does_not_exist_grants_nothing() -> None:
    with pytest.raises(KeyRequiredError):
        _ring(EXPIRY - timedelta(seconds=1)).named("secret")


def test_a_named_key_expires_too() -> None:
    with pytest.raises(KeyExpiredError):
        _ring(EXPIRY).named("k")


def test_a_named_key_cannot_be_looked_up_before_the_keys_have_been_read() -> None:
    with pytest.raises(BusyError):
        KeyRing(Settings(), lambda: EXPIRY).named("k")
