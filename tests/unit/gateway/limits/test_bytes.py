"""The memory budget, the limit of discarded bodies, and the bytes written by an execution."""

from __future__ import annotations

from typing import Any

import pytest

from cloche_api.accounting.size import object_bytes
from cloche_api.accounting.write_limit import METADATA_BYTES, WriteLimit
from cloche_api.limits import MIB
from cloche_gateway.errors import OverloadedError
from cloche_gateway.limits.bytes import Budget, CountedEnds, Discards, count, size_for

SPEC: dict[str, Any] = {"language": "python", "code": "#" * 1000, "tenant": "acme"}


def ended(**status: Any) -> dict[str, Any]:
    stored = object_bytes(SPEC) + 500
    fields = {"phase": "Completed", "podUID": "u", "storedBytes": stored} | status
    return {"metadata": {"name": "n", "uid": "u"}, "spec": SPEC, "status": fields}


def used(obj: dict[str, Any]) -> int:
    writes = WriteLimit(10**9, 10**9)
    count(writes, obj)
    return writes.used


@pytest.mark.parametrize(
    ("revisions", "status"),
    [(3, {}), (4, {"phase": "Cancelled"}), (3, {"phase": "Error"})],
)
def test_each_written_revision_of_the_spec_is_charged(
    revisions: int, status: dict[str, Any]
) -> None:
    assert used(ended(**status)) == revisions * (object_bytes(SPEC) + METADATA_BYTES) + 500


def test_an_execution_without_a_pod_is_charged_without_a_claim() -> None:
    obj = ended(phase="Error")
    del obj["status"]["podUID"]
    assert used(obj) == 2 * (object_bytes(SPEC) + METADATA_BYTES) + 500


def test_an_end_without_stored_bytes_is_measured() -> None:
    obj = ended()
    del obj["status"]["storedBytes"]
    result = object_bytes(obj["status"])
    assert used(obj) == 3 * (object_bytes(SPEC) + METADATA_BYTES) + result


def test_a_source_is_charged_once_at_the_end() -> None:
    obj = ended()
    obj["spec"] = {"language": "python", "source": {"name": "n-01", "bytes": 50_000}}
    obj["status"]["storedBytes"] = object_bytes(obj["spec"]) + 500
    spec = object_bytes(obj["spec"])
    assert used(obj) == 3 * (spec + METADATA_BYTES) + 500 + 50_000 + METADATA_BYTES


class Heard:
    """A sink that records its calls."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def replace(self, objects: list[dict[str, Any]]) -> None:
        self.words.append(f"{len(objects)}")

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        self.words.append(f"{kind} {obj['metadata']['name']}")

    def connected(self) -> None:
        self.words.append("connected")


def test_only_ends_are_charged_and_all_events_are_passed_on() -> None:
    writes, heard = WriteLimit(10**9, 10**9), Heard()
    sink = CountedEnds(writes, heard, lambda _: None)
    sink.connected()
    sink.replace([ended()])
    sink.changed("MODIFIED", ended())
    sink.changed("DELETED", ended())
    assert writes.used == 0
    sink.changed("ADDED", ended())
    assert writes.used > 3000
    assert heard.words == ["connected", "1", "MODIFIED n", "DELETED n", "ADDED n"]


def test_the_gateway_discards_64_mib_of_a_tenant_and_then_2_mib_per_second() -> None:
    now = 100.0
    discards = Discards(lambda: now)
    assert all(discards.reads_on("eager", MIB) for _ in range(64))
    assert not discards.reads_on("eager", 1)
    assert discards.reads_on("other", MIB)
    assert discards.reads_on(None, MIB)
    now += 1
    assert discards.reads_on("eager", MIB)
    assert not discards.reads_on("eager", MIB)
    now += 1
    for _ in range(1000):
        discards.reads_on("eager", MIB)
    now += 6
    assert discards.reads_on("eager", 1), "what came all the same is not held against it for long"
    now += 3600
    assert all(discards.reads_on("eager", MIB) for _ in range(64))
    assert not discards.reads_on("eager", 1), "nothing is saved up beyond that"


def test_the_charts_memory_limit_leaves_192_mib_for_clients() -> None:
    assert size_for(512 * MIB) == 192 * MIB


def test_the_error_for_a_full_budget_asks_to_retry() -> None:
    budget = Budget(200 * MIB, 1.0)
    budget.charge("a", 190 * MIB)
    with pytest.raises(
        OverloadedError, match=r"has 190 MiB .* limit is 200 MiB.* Please try again"
    ):
        budget.charge("b", 11 * MIB)


def test_the_error_for_a_full_tenant_share_names_the_tenants_requests() -> None:
    budget = Budget(200 * MIB, 0.5)
    budget.charge("a", 90 * MIB)
    with pytest.raises(OverloadedError, match=r"tenant has 90 MiB .* is 100 MiB.* faster"):
        budget.charge("a", 11 * MIB)
