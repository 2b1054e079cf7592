"""Keys that the command line creates are those that the gateway accepts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cloche_api.keys import KEY_PREFIX, SECRET_NAME, ApiKeyRecord, hash_key
from cloche_api.limits import CONCURRENCY_MAX, LABEL_VALUE
from cloche_client.cli.commands import keys

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_record_of_a_new_key_is_one_of_the_gateway() -> None:
    text, record = keys.new_key("acme", NOW, 100, None, NOW + timedelta(days=1))
    found = ApiKeyRecord.model_validate(record)
    assert text.startswith(KEY_PREFIX)
    assert len(text) == len(KEY_PREFIX) + 43
    assert found.sha256 == hash_key(text)
    assert (found.tenant, found.rate_per_minute, found.concurrency) == ("acme", 100, None)
    assert found.expires_at == NOW + timedelta(days=1)


def test_a_new_key_is_random() -> None:
    assert (
        keys.new_key("a", NOW, None, None, None)[0] != keys.new_key("a", NOW, None, None, None)[0]
    )


def test_names_and_limits_are_those_of_the_product() -> None:
    assert keys._SECRET == SECRET_NAME
    assert f"^{keys._NAME.pattern}$" == LABEL_VALUE
    assert keys._MOST_CONCURRENCY == CONCURRENCY_MAX
