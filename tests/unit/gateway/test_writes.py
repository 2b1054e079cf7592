"""The bytes that are charged at the end of an execution."""

from __future__ import annotations

from typing import Any

import pytest

from cloche_api.accounting.size import object_bytes
from cloche_api.accounting.write_limit import METADATA_BYTES, WriteLimit
from cloche_gateway.limits.writes import CountedEnds, count

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
def test_each_revision_of_the_spec_counts(revisions: int, status: dict[str, Any]) -> None:
    assert used(ended(**status)) == revisions * (object_bytes(SPEC) + METADATA_BYTES) + 500


def test_one_that_had_no_pod_was_not_claimed() -> None:
    obj = ended(phase="Error")
    del obj["status"]["podUID"]
    assert used(obj) == 2 * (object_bytes(SPEC) + METADATA_BYTES) + 500


def test_the_end_of_another_versions_operator_is_measured() -> None:
    obj = ended()
    del obj["status"]["storedBytes"]
    result = object_bytes(obj["status"])
    assert used(obj) == 3 * (object_bytes(SPEC) + METADATA_BYTES) + result


def test_a_source_was_written_once() -> None:
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


def test_only_an_end_counts_and_every_event_is_passed_on() -> None:
    writes, heard = WriteLimit(10**9, 10**9), Heard()
    sink = CountedEnds(writes, heard)
    sink.connected()
    sink.replace([ended()])
    sink.changed("MODIFIED", ended())
    sink.changed("DELETED", ended())
    assert writes.used == 0
    sink.changed("ADDED", ended())
    assert writes.used > 3000
    assert heard.words == ["connected", "1", "MODIFIED n", "DELETED n", "ADDED n"]
