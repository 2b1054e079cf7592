"""An execution's object is removed only after its Idempotency-Key is saved."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from cloche_kube.errors import UnavailableError
from cloche_operator.retention.removal import Leaving, remove
from cloche_operator.retention.tombstones import Tombstone

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW.timestamp() + 3600
KEYED = Leaving("name", "uid", "acme", "a" * 64, LATER)


class Kube:
    """Records the calls to the API server. It is unavailable from the call `away_before` on."""

    def __init__(self, away_before: str = "") -> None:
        self._away_before = away_before
        self.calls: list[str] = []

    async def create_tombstone(self, manifest: dict[str, Any]) -> None:
        self._called("create", manifest["metadata"]["name"])

    async def delete_execution(self, name: str, uid: str) -> bool:
        self._called("delete", f"{name} {uid}")
        return True

    def _called(self, what: str, which: str) -> None:
        if what == self._away_before:
            raise UnavailableError("away")
        self.calls.append(f"{what} {which}")


def removed(kube: Kube, of: Leaving) -> tuple[bool, Tombstone | None]:
    return asyncio.run(remove(cast("Any", kube), of, NOW))


def test_a_tombstone_is_created_before_the_record_is_removed() -> None:
    kube = Kube()
    assert removed(kube, KEYED) == (True, Tombstone("name", "acme", LATER))
    assert kube.calls == ["create name", "delete name uid"]


def test_a_record_whose_tombstone_cannot_be_created_is_kept() -> None:
    kube = Kube(away_before="create")
    with pytest.raises(UnavailableError):
        removed(kube, KEYED)
    assert kube.calls == []


@pytest.mark.parametrize(
    "of",
    [
        Leaving("name", "uid", "acme", "", LATER),
        Leaving("name", "uid", "acme", "a" * 64, NOW.timestamp()),
    ],
    ids=["no key", "an expired key"],
)
def test_a_record_without_a_valid_key_leaves_no_tombstone(of: Leaving) -> None:
    kube = Kube()
    assert removed(kube, of) == (True, None)
    assert kube.calls == ["delete name uid"]
