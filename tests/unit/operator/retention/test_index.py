"""The index of the records: sums, bounds, and which record is removed first."""

from __future__ import annotations

from typing import Any

import pytest

from cloche_api.resources.typed_dicts import ExecutionStatusDict
from cloche_api.resources.typed_objects import ExecutionDict
from cloche_operator.model.execution import Execution, from_object
from cloche_operator.retention.excess import Record
from cloche_operator.retention.index import METADATA_BYTES, Records
from cloche_operator.settings import Settings

KIB = 1024
LONG_AGO, NOW, LATER = 1_000_000.0, 2_000_000.0, 3_000_000.0


def records(**settings: Any) -> Records:
    return Records(Settings(**settings))


def record(name: str, *, kib: int = 1, tenant: str = "", expires: float = LATER) -> Record:
    return Record(name, f"uid-of-{name}", tenant, kib * KIB, expires)


def filled(*listed: Record, **settings: Any) -> Records:
    made = records(**settings)
    made.begin_listing()
    made.replace(listed)
    return made


def names(due: list[Record]) -> list[str]:
    return [record.name for record in due]


@pytest.fixture
def execution(execution_object: ExecutionDict) -> Execution:
    execution_object["spec"]["tenant"] = "a"
    return from_object(execution_object)


def final(size: int = 1000) -> ExecutionStatusDict:
    return {"storedBytes": size, "expirationTime": "1970-02-04T17:20:00.000000Z"}


def test_no_record_is_due_within_the_limits() -> None:
    made = filled(record("a"), record("b"))
    assert (len(made), made.size) == (2, 2 * KIB)
    assert made.due(NOW) == []
    assert not made.over.is_set()
    assert not made.full


def test_an_expired_record_is_due() -> None:
    made = filled(
        record("gone", expires=LONG_AGO), record("now", expires=NOW), record("not", expires=LATER)
    )
    assert names(made.due(NOW)) == ["gone", "now"]
    assert not made.over.is_set(), "the sweep finds it in time"


def test_the_oldest_records_over_the_limit_on_their_number_are_due() -> None:
    listed = [record(str(n), expires=LATER + n) for n in (3, 1, 4, 0, 2)]
    made = filled(*listed, retention_executions=3)
    assert made.over.is_set()
    assert names(made.due(NOW)) == ["0", "1"]


def test_the_oldest_records_over_the_limit_on_bytes_are_due() -> None:
    made = filled(
        record("0", kib=1, expires=LATER),
        record("1", kib=5, expires=LATER + 1),
        record("2", kib=1, expires=LATER + 2),
        record("3", kib=4, expires=LATER + 3),
        retention_bytes=6 * KIB,
    )
    assert made.over.is_set()
    assert names(made.due(NOW)) == ["0", "1"]


def test_the_records_of_a_tenant_over_its_limit_are_due() -> None:
    made = filled(
        record("other-0", tenant="other", expires=LATER),
        record("greedy-0", tenant="greedy", kib=2, expires=LATER + 1),
        record("no-tenant-0", expires=LATER + 2),
        record("greedy-1", tenant="greedy", kib=2, expires=LATER + 3),
        record("greedy-2", tenant="greedy", kib=2, expires=LATER + 4),
        record("no-tenant-1", kib=4, expires=LATER + 5),
        retention_bytes_per_tenant=4 * KIB,
    )
    assert made.over.is_set()
    assert names(made.due(NOW)) == ["greedy-0", "no-tenant-0"]


def test_expired_records_free_space_for_the_others() -> None:
    made = filled(
        record("expired", kib=2, tenant="a", expires=LONG_AGO),
        record("0", kib=2, tenant="a"),
        record("1", kib=2, tenant="a"),
        retention_executions=2,
        retention_bytes=4 * KIB,
        retention_bytes_per_tenant=4 * KIB,
    )
    assert names(made.due(NOW)) == ["expired"]


def test_several_exceeded_limits_are_applied_together() -> None:
    listed = [
        record(f"{tenant}-{n}", tenant=tenant, expires=LATER + n)
        for n in range(10)
        for tenant in ("a", "b")
    ]
    made = filled(*listed, retention_executions=15, retention_bytes_per_tenant=9 * KIB)
    due = made.due(NOW)
    assert names(due) == ["a-0", "b-0", "a-1", "b-1", "a-2"]
    for gone in due:
        made.remove(gone)
    assert made.due(NOW) == []
    assert (len(made), made.size) == (15, 15 * KIB)


def test_a_new_end_is_indexed_once_after_the_earlier_ones(execution: Execution) -> None:
    made = filled(record("before", tenant="a", expires=LATER + 100), retention_executions=1)
    made.ended(execution, final(1000))
    assert made.over.is_set()
    assert len(made) == 2
    assert made.size == KIB + 1000 + METADATA_BYTES
    assert names(made.due(NOW)) == ["before"], "in the order of their end, not of their expiry"
    made.ended(execution, final(1000))
    assert len(made) == 2, "the same one twice is one"
    assert made.size == KIB + 1000 + METADATA_BYTES
    assert names(made.due(3_000_000.0)) == [execution.name]  # 1970-02-04T17:20:00Z


def test_a_listing_replaces_all_records_except_those_ended_since_it_began(
    execution: Execution,
) -> None:
    made = filled(record("others-deleted"), record("kept", expires=LATER + 1))
    made.begin_listing()
    made.ended(execution, final())
    made.replace([record("kept", expires=LATER + 1), record("missed")])
    everything = made.due(LATER + 2)
    assert names(everything) == ["missed", "kept", execution.name]
    assert made.size == 2 * KIB + 1000 + METADATA_BYTES

    made.begin_listing()
    made.replace([])
    assert (len(made), made.size) == (0, 0)


def test_a_record_that_is_in_the_listing_and_ended_since_counts_once(execution: Execution) -> None:
    made = records()
    made.begin_listing()
    made.ended(execution, final())
    made.replace([record("older"), Record("hello", execution.uid, "a", 77, LATER)])
    assert len(made) == 2
    assert made.size == KIB + 1000 + METADATA_BYTES


def test_an_aborted_listing_loses_no_record(execution: Execution) -> None:
    made = filled(record("known"))
    made.begin_listing()
    made.ended(execution, final())
    made.begin_listing()
    made.replace([record("known"), Record("hello", execution.uid, "a", 77, LATER)])
    assert len(made) == 2


def test_a_listing_without_uids_keeps_the_known_uids(execution: Execution) -> None:
    made = records(retention_executions=0)
    made.ended(execution, final())
    (known,) = made.due(NOW)
    made.begin_listing()
    made.replace([known._replace(uid=""), record("new")._replace(uid="")])
    assert {record.name: record.uid for record in made.due(NOW)} == {
        execution.name: execution.uid,
        "new": "",
    }
    made.begin_listing()
    made.replace([known._replace(uid="", expires=LATER + 9)])
    (other,) = made.due(NOW)
    assert other.uid == "", "another one of that name"


def test_a_newer_record_with_the_same_name_is_not_removed() -> None:
    made = filled(record("a"))
    (old,) = made.due(LATER)
    made.begin_listing()
    made.replace([record("a", expires=LATER + 5)])
    made.remove(old)
    assert len(made) == 1


def test_the_pressure_grows_towards_the_hard_limit() -> None:
    bounds = {"retention_bytes": 4 * KIB, "storage_hard_bytes": 8 * KIB, "retention_executions": 8}
    listed = [record(str(n)) for n in range(20)]
    assert [filled(*listed[:n], **bounds).pressure for n in (0, 4, 5, 6, 8, 20)] == [
        0, 0, 0.25, 0.5, 1, 1,
    ]  # fmt: skip
    bounds |= {"retention_bytes": 1000 * KIB, "storage_hard_bytes": 2000 * KIB}
    assert [filled(*listed[:n], **bounds).pressure for n in (8, 9, 10, 11)] == [0, 0.5, 1, 1]


def test_removing_a_missing_record_has_no_effect() -> None:
    made = filled(record("a"))
    made.remove(record("b"))
    made.remove(record("a"))
    made.remove(record("a"))
    assert (len(made), made.size) == (0, 0)


def test_the_storage_is_full_from_the_hard_limit_until_halfway_to_the_soft_one() -> None:
    made = filled(
        *[record(str(n), kib=2, expires=LATER + n) for n in range(4)],
        retention_bytes=4 * KIB,
        storage_hard_bytes=8 * KIB,
    )
    assert made.full
    assert made.full_changed.is_set()
    made.full_changed.clear()
    first, second = made.due(NOW)
    made.remove(first)
    assert made.full, "6 KiB are halfway"
    assert not made.full_changed.is_set()
    made.remove(second)
    assert not made.full
    assert made.full_changed.is_set()


def test_unfinished_executions_count_towards_the_hard_limit(
    execution_object: ExecutionDict,
) -> None:
    execution_object["spec"]["code"] = "<" * 10 * KIB  # six bytes each in etcd
    big = from_object(execution_object)
    made = records(retention_bytes=KIB, storage_hard_bytes=60 * KIB)
    made.begun(big)
    made.begun(big)
    assert made.full
    assert not made.over.is_set(), "none of it may be removed"
    assert made.size == 0
    made.left(big.uid)
    made.left(big.uid)
    assert not made.full


def test_an_ended_execution_is_not_counted_twice(execution: Execution) -> None:
    made = records(retention_bytes=0, storage_hard_bytes=2 * METADATA_BYTES + 1500)
    made.begun(execution)
    made.ended(execution, final(1000))
    assert not made.full
    made.left(execution.uid)
    assert len(made) == 1
    assert made.size == 1000 + METADATA_BYTES


def test_the_hard_limit_must_be_more_than_the_soft_limit() -> None:
    with pytest.raises(ValueError, match="storage_hard_bytes must be more than retention_bytes"):
        Settings(retention_bytes=4 * KIB, storage_hard_bytes=4 * KIB)


def test_a_record_kept_by_a_finalizer_counts_only_towards_the_hard_limit() -> None:
    held, other = record("held", kib=6), record("other")
    bounds = {"retention_bytes": 4 * KIB, "storage_hard_bytes": 7 * KIB}
    made = filled(held, other, **bounds)
    assert names(made.due(NOW)) == ["held"]
    made.stays(held)
    made.stays(held)
    assert (made.size, made.full) == (7 * KIB, True)
    assert made.due(NOW) == []
    made.begin_listing()
    made.replace([held, other])
    assert (made.size, names(made.due(NOW))) == (7 * KIB, ["held"])


@pytest.mark.parametrize(("ttl", "seconds"), [(0, 3600), (3600, 0), (7200, 0)])
def test_the_idempotency_key_of_a_record_is_kept_for_at_least_an_hour(
    execution_object: ExecutionDict, ttl: int, seconds: int
) -> None:
    execution_object["spec"]["ttlSecondsAfterFinished"] = ttl
    annotations = execution_object["metadata"].setdefault("annotations", {})
    annotations["cloche.dev/request-sha256"] = "a" * 64
    made = records()
    made.ended(from_object(execution_object), final())
    (due,) = made.due(LATER)
    assert due.key == "a" * 64
    assert due.key_expires == due.expires + seconds
