"""How long an Idempotency-Key counts, and the object that keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloche_api.resources import tombstone

ENDED = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("ttl", "seconds"), [(0, 3600), (60, 3600), (3600, 3600), (7200, 7200)])
def test_a_key_counts_for_an_hour_or_as_long_as_its_record(ttl: int, seconds: int) -> None:
    expires = ENDED + timedelta(seconds=ttl)
    assert tombstone.key_expiration(expires, ttl) == ENDED + timedelta(seconds=seconds)


@pytest.mark.parametrize("tenant", ["", "acme"])
def test_the_manifest_is_one_that_the_model_reads(tenant: str) -> None:
    made = tombstone.manifest("name", tenant, "a" * 64, ENDED)
    spec = tombstone.TombstoneSpec.model_validate(made["spec"])
    assert (spec.tenant or "", spec.request_sha256) == (tenant, "a" * 64)
    assert spec.expiration_time == ENDED
