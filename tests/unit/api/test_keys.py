"""API keys at rest."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pydantic
import pytest

from cloche_api.keys import ApiKeyRecord, hash_key, new_key


def test_a_new_key_has_the_documented_form_and_its_record_the_hash() -> None:
    text, record = new_key("acme")
    assert re.fullmatch(r"clk_[A-Za-z0-9_-]{43}", text)
    assert record.sha256 == hash_key(text)
    assert record.tenant == "acme"
    assert record.created_at.tzinfo is UTC
    assert text not in record.model_dump_json()


def test_1000_new_keys_are_all_different() -> None:
    assert len({new_key("t")[0] for _ in range(1000)}) == 1000


def test_the_hash_of_a_key_is_plain_sha256() -> None:
    assert hash_key("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_any_text_that_a_client_can_send_is_hashed() -> None:
    assert len({hash_key(text) for text in ("", "\x00", "ü", "\ud800", "x" * 100_000)}) == 5


def test_a_key_record_is_stored_as_the_documented_json() -> None:
    record = ApiKeyRecord(
        sha256="0" * 64, tenant="acme", created_at=datetime(2026, 1, 2, tzinfo=UTC)
    )
    text = record.model_dump_json(by_alias=True, exclude_none=True)
    assert text == (
        '{"sha256":"' + "0" * 64 + '","tenant":"acme","createdAt":"2026-01-02T00:00:00Z"}'
    )
    assert ApiKeyRecord.model_validate_json(text) == record


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"sha256": "00", "tenant": "a", "createdAt": "2026-01-02T00:00:00Z"}',
        f'{{"sha256": "{"A" * 64}", "tenant": "a", "createdAt": "2026-01-02T00:00:00Z"}}',
        f'{{"sha256": "{"0" * 64}\\n", "tenant": "a", "createdAt": "2026-01-02T00:00:00Z"}}',
        f'{{"sha256": "{"0" * 64}", "tenant": "", "createdAt": "2026-01-02T00:00:00Z"}}',
        f'{{"sha256": "{"0" * 64}", "tenant": "a b", "createdAt": "2026-01-02T00:00:00Z"}}',
        f'{{"sha256": "{"0" * 64}", "tenant": "{"a" * 64}", "createdAt": "2026-01-02T00:00:00Z"}}',
        f'{{"sha256": "{"0" * 64}", "tenant": "a", "createdAt": "yesterday"}}',
        f'{{"sha256": "{"0" * 64}", "tenant": "a"}}',
    ],
)
def test_an_invalid_key_record_is_rejected(text: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        ApiKeyRecord.model_validate_json(text)
