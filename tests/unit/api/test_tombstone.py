"""The time for which an Idempotency-Key is kept, and the object that keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloche_api.resources import tombstone

ENDED = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("ttl", "seconds"), [(0, 3600), (60, 3600), (3600, 3600), (7200, 7200)])
def test_an_idempotency_key_is_kept_for_an_hour_or_its_records_ttl(ttl: int, seconds: int) -> None:
    expires = ENDED + timedelta(seconds=ttl)
    assert tombstone.key_expiration(expires, ttl) == ENDED + timedelta(seconds=seconds)


@pytest.mark.parametrize("tenant", ["", "acme"])
def test_the_model_reads_the_manifest_of_a_tombstone(tenant: str) -> None:
    made = tombstone.manifest("name", tenant, "a" * 64, ENDED)
    spec = tombstone.TombstoneSpec.model_validate(made["spec"])
    assert (spec.tenant or "", spec.request_sha256) == (tenant, "a" * 64)
    assert spec.expiration_time == ENDED
