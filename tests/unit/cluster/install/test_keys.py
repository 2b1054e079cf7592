"""`make key`: its arguments, and the contents of the Secret."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from cloche_api.keys import ApiKeyRecord, KeyLimits, hash_key
from cloche_cluster.errors import ClusterError
from cloche_cluster.install.keys import KeyStore, check_name, duration, key_limits

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_NONE = KeyLimits()


@dataclass
class _Secret:
    """A fake kubectl for one Secret."""

    data: dict[str, str] = field(default_factory=dict)

    def json(self, *words: str) -> dict[str, Any]:
        if words == ("auth", "whoami"):
            return {"metadata": {"creationTimestamp": _NOW.isoformat()}}
        return {"data": self.data}

    def run(self, *_: str, stdin: str) -> str:
        self.data |= json.loads(stdin)["data"]
        return ""

    def record(self, name: str) -> ApiKeyRecord:
        return ApiKeyRecord.model_validate_json(base64.b64decode(self.data[name]))


@pytest.fixture(name="secret")
def _secret() -> _Secret:
    return _Secret()


@pytest.fixture(name="store")
def _store(secret: _Secret) -> KeyStore:
    return KeyStore(cast("Any", secret))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("99999d", timedelta(days=99999)),
    ],
)
def test_the_lifetime_of_a_key_is_parsed(text: str, holds: timedelta) -> None:
    assert duration(text) == holds


@pytest.mark.parametrize("text", ["0d", "d", "1w", "-1d", "1.5h", "100000d", "1d ", "٣d"])
def test_an_invalid_lifetime_is_rejected(text: str) -> None:
    with pytest.raises(ClusterError, match="must be a time like 90m, 12h or 30d"):
        duration(text)


@pytest.mark.parametrize(
    ("rate", "concurrency", "said"),
    [
        ("0", None, "RATE='0': .*greater than or equal to 1"),
        ("1000001", None, "RATE='1000001': .*less than or equal to 1000000"),
        ("many", None, "RATE='many': .*valid integer"),
        (None, "0", "CONCURRENCY='0': .*greater than or equal to 1"),
        (None, "x", "CONCURRENCY='x': .*valid integer"),
    ],
)
def test_an_invalid_limit_of_a_key_is_rejected(
    rate: str | None, concurrency: str | None, said: str
) -> None:
    with pytest.raises(ClusterError, match=said):
        key_limits(rate, concurrency)


def test_a_key_is_stored_as_its_hash_with_its_limits(secret: _Secret, store: KeyStore) -> None:
    text = store.create("me", "team", key_limits("500", "20"), timedelta(days=30))
    record = secret.record("me")
    assert record.sha256 == hash_key(text)
    assert text not in base64.b64decode(secret.data["me"]).decode()
    assert (record.tenant, record.rate_per_minute, record.concurrency) == ("team", 500, 20)
    assert record.created_at == _NOW, "the API server's time"
    assert record.expires_at == _NOW + timedelta(days=30)


def test_a_key_without_limits_is_stored_without_them(secret: _Secret, store: KeyStore) -> None:
    store.create("me", "me", _NONE)
    assert set(json.loads(base64.b64decode(secret.data["me"]))) == {"sha256", "tenant", "createdAt"}


def test_the_name_of_an_existing_key_is_rejected_unless_replaced(store: KeyStore) -> None:
    store.create("me", "me", _NONE)
    with pytest.raises(ClusterError, match="a key named me already exists"):
        store.create("me", "me", _NONE)
    store.create("me", "me", _NONE, replace=True)


@pytest.mark.parametrize("name", ["", "-a", "a/b", "a" * 64])
def test_an_invalid_name_or_tenant_of_a_key_is_rejected(store: KeyStore, name: str) -> None:
    with pytest.raises(ClusterError, match="must be 1 to 63 letters"):
        store.create(name, "me", _NONE)
    with pytest.raises(ClusterError, match="must be 1 to 63 letters"):
        store.create("me", name, _NONE)


def test_a_key_works_only_with_its_stored_limits(store: KeyStore) -> None:
    text = store.create("me", "me", KeyLimits(rate_per_minute=7))
    assert store.works(text, KeyLimits(rate_per_minute=7))
    assert not store.works(text, KeyLimits(rate_per_minute=8))
    assert not store.works(text + "x", KeyLimits(rate_per_minute=7))


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b'{"sha256": 1}', b"\xff"])
def test_an_invalid_record_in_the_secret_is_ignored(
    secret: _Secret, store: KeyStore, value: bytes
) -> None:
    secret.data["odd"] = base64.b64encode(value).decode()
    text = store.create("me", "me", _NONE)
    assert store.names() == {"odd", "me"}
    assert store.works(text, _NONE)


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "x" * 64, "ä", "a\n"])
def test_an_invalid_key_name_is_rejected(name: str) -> None:
    with pytest.raises(ClusterError, match="TENANT="):
        check_name("TENANT", name)


def test_a_valid_key_name_is_accepted() -> None:
    for name in ("a", "local", "team-1.x_y", "x" * 63):
        check_name("NAME", name)
