"""The stored records stay within their bounds: age, number and bytes, across restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from support.deadline import until
from support.fixtures.fake_cluster import BOUND_SECONDS, FakeCluster

from cloche_api.meta import API_VERSION
from cloche_api.resources import tombstone

HOUR = 3600.0
KIB = 1024
ENOUGH = 100 * KIB * KIB
KEY = "c" * 64
"""The hash of a request with an Idempotency-Key."""


def fill(  # noqa: PLR0913  what differs between records, by name
    at: FakeCluster,
    names: list[str],
    *,
    size: int = 1,
    seconds: float = HOUR,
    tenant: str | None = None,
    key: str | None = None,
    **spec: Any,
) -> list[str]:
    """Create ended executions as the operator writes them, the first to expire first.

    The last one expires after `seconds`. `size` is only what they report as stored.
    """
    last = datetime.now(UTC) + timedelta(seconds=seconds)
    for n, name in enumerate(reversed(names)):
        expires = (last - timedelta(milliseconds=n)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        of = {} if tenant is None else {"tenant": tenant}
        at.submit(name, key=key, **of, **spec)
        end(at, name, storedBytes=size, expirationTime=expires)
    return names


def end(at: FakeCluster, name: str, **status: Any) -> None:
    fields = {"phase": "Completed", "reason": "Exited", "stdout": "Hello, World!\n"} | status
    at.server.merge(f"{at.executions}/{name}/status", {"status": fields})


def until_it_ended(at: FakeCluster, name: str) -> None:
    """Submit an execution that ends at once, and wait until the operator has recorded its end."""
    at.submit(name, language="cobol")

    def ended() -> bool:
        obj = at.server.find(f"{at.executions}/{name}")
        return obj is None or obj["status"]["phase"] == "Error"

    until(ended, f"{name} to end", BOUND_SECONDS)


def tombstones(at: FakeCluster) -> list[dict[str, Any]]:
    path = at.executions.replace("sandboxexecutions", "sandboxtombstones")
    items: list[dict[str, Any]] = at.server.get(path)["items"]
    return items


def stored(at: FakeCluster) -> set[str]:
    return {obj["metadata"]["name"] for obj in at.server.get(at.executions)["items"]}


def until_stored(at: FakeCluster, names: list[str]) -> None:
    until(lambda: stored(at) == set(names), f"{len(names)} records to remain", BOUND_SECONDS)


def many(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{n:03}" for n in range(count)]


def test_the_oldest_records_over_the_limit_on_their_number_are_removed(
    cluster: FakeCluster,
) -> None:
    names = fill(cluster, many("one", 300))
    running = cluster.start(retention_executions=250)
    until_stored(cluster, names[50:])

    running.kill()
    names += fill(cluster, many("two", 20), seconds=2 * HOUR)
    cluster.start(retention_executions=250)
    until_stored(cluster, names[70:])


def test_the_oldest_records_over_the_limit_on_bytes_are_removed(cluster: FakeCluster) -> None:
    names = fill(cluster, many("large", 10), size=100 * KIB)
    names += fill(cluster, many("small", 10), size=1, seconds=2 * HOUR)
    cluster.start(retention_bytes=550 * KIB, storage_hard_bytes=ENOUGH)
    until_stored(cluster, names[5:])  # with 2 KiB of metadata each, 530 KiB


def test_a_tenant_over_its_limit_on_bytes_loses_its_own_oldest_records(
    cluster: FakeCluster,
) -> None:
    modest = fill(cluster, many("modest", 5), size=10 * KIB, tenant="modest", seconds=HOUR - 60)
    greedy = fill(cluster, many("greedy", 10), size=100 * KIB, tenant="greedy")
    no_tenant = fill(cluster, many("no-tenant", 5), size=100 * KIB, seconds=2 * HOUR)
    cluster.start(retention_bytes_per_tenant=320 * KIB)
    until_stored(cluster, modest + greedy[-3:] + no_tenant[-3:])


def test_records_over_a_limit_are_removed_from_the_tenant_with_most(cluster: FakeCluster) -> None:
    """In number and then in bytes, although the others' records are older."""
    victim = fill(cluster, many("victim", 5), size=40 * KIB, tenant="victim", seconds=HOUR - 60)
    many_small = fill(cluster, many("small", 20), size=1, tenant="small")
    few_large = fill(cluster, many("large", 7), size=100 * KIB, tenant="large", seconds=2 * HOUR)
    running = cluster.start(retention_executions=20)
    until_stored(cluster, victim + many_small[-8:] + few_large)

    running.kill()
    cluster.start(retention_bytes=650 * KIB, storage_hard_bytes=ENOUGH)
    until_stored(cluster, victim + many_small[-8:] + few_large[-4:])


def test_a_record_removed_early_leaves_a_tombstone_for_its_key(cluster: FakeCluster) -> None:
    names = fill(cluster, many("keyed", 3), tenant="acme", key=KEY)
    fill(cluster, ["expired"], seconds=-1, tenant="acme", key=KEY)
    fill(cluster, ["soon-over"], seconds=-1, tenant="acme", key=KEY, ttlSecondsAfterFinished=0)
    fill(cluster, ["plain"], seconds=-1)
    running = cluster.start(retention_executions=1)
    until_stored(cluster, names[2:])
    left = {of["metadata"]["name"]: of["spec"] for of in tombstones(cluster)}
    assert left.keys() == {*names[:2], "soon-over"}
    assert {(of["tenant"], of["requestSHA256"]) for of in left.values()} == {("acme", KEY)}

    for name in names[:2]:
        uid = cluster.submit(name, key=KEY, tenant="acme")
        refused = cluster.ended(name)
        assert (refused["phase"], refused["reason"]) == ("Error", "RecordRemoved")
        assert "podName" not in refused
        cluster.no_pod(uid)
    running.kill()
    cluster.submit("expired", key=KEY, tenant="acme")
    cluster.start(retention_executions=100)
    cluster.claimed("expired")
    cluster.cancel("expired")
    cluster.ended("expired")


def test_a_new_operator_honours_tombstones_and_removes_expired_ones(
    cluster: FakeCluster,
) -> None:
    now = datetime.now(UTC)
    for name, hours in (("counts", 1), ("counts-no-more", -1)):
        expires = now + timedelta(hours=hours)
        path = cluster.executions.replace("sandboxexecutions", "sandboxtombstones")
        cluster.server.create(path, tombstone.manifest(name, "acme", KEY, expires))
    cluster.submit("counts", key=KEY, tenant="acme")
    cluster.start()
    assert cluster.ended("counts")["reason"] == "RecordRemoved"
    until(
        lambda: [of["metadata"]["name"] for of in tombstones(cluster)] == ["counts"],
        "the expired tombstone to go",
        BOUND_SECONDS,
    )


def test_a_record_kept_by_a_finalizer_is_counted_but_displaces_no_other(
    cluster: FakeCluster,
) -> None:
    fill(cluster, ["held"], size=900 * KIB, seconds=-1)
    patch = {"metadata": {"finalizers": ["example.com/mine"]}}
    cluster.server.merge(f"{cluster.executions}/held", patch)
    kept = fill(cluster, many("kept", 3), size=100 * KIB)
    running = cluster.start(
        retention_bytes=400 * KIB,
        storage_hard_bytes=1000 * KIB,
        relist_seconds=1,
        sweep_seconds=0.2,
    )
    until(lambda: "record held is not removed" in running.log, "the deletion", BOUND_SECONDS)
    storage(cluster, "False")
    cluster.server.merge(f"{cluster.executions}/held", {"metadata": {"finalizers": None}})
    until_stored(cluster, kept)
    storage(cluster, "True")


def test_executions_over_their_tenants_write_limit_end_as_write_limit(cluster: FakeCluster) -> None:
    """This concerns executions created by kubectl: the gateway refuses its own before creation."""
    cluster.start(write_bytes_per_tenant=16 * KIB * KIB)
    names = many("large", 16)
    for name in names:
        cluster.submit(name, code="#" * 250 * KIB, stdin="#" * 250 * KIB, args=["#" * 60 * KIB])
        cluster.cancel(name)
    reasons = [cluster.ended(name)["reason"] for name in names]
    refused = [name for name, reason in zip(names, reasons, strict=True) if reason == "WriteLimit"]
    assert reasons[0] == "Cancelled"
    assert len(refused) >= 2
    assert "Too many bytes" in cluster.status(refused[0])["message"]
    cluster.submit("modest", tenant="other", language="cobol")
    assert cluster.ended("modest")["reason"] == "UnknownLanguage"


def test_each_record_is_removed_once_it_expires(cluster: FakeCluster) -> None:
    fill(cluster, ["long-ago"], seconds=-HOUR)
    fill(cluster, ["soon"], seconds=3)
    keep = fill(cluster, ["later"])
    cluster.start(sweep_seconds=0.3, relist_seconds=HOUR)
    until_stored(cluster, keep)


def test_records_deleted_by_other_clients_are_no_longer_counted(cluster: FakeCluster) -> None:
    names = fill(cluster, many("one", 20))
    running = cluster.start(retention_executions=20, sweep_seconds=0.2, relist_seconds=0.2)
    until(lambda: "20 records are stored" in running.log, "the listing", BOUND_SECONDS)
    for name in names[10:]:
        cluster.server.delete(f"{cluster.executions}/{name}")
    until(lambda: "10 records are stored" in running.log, "the next listing", BOUND_SECONDS)
    names[10:] = many("two", 11)
    for name in names[10:]:
        until_it_ended(cluster, name)
    until_stored(cluster, names[1:])


def test_a_new_execution_with_the_name_of_an_expired_record_is_not_removed(
    cluster: FakeCluster,
) -> None:
    fill(cluster, ["again"], seconds=5)
    fill(cluster, ["witness"], seconds=7)
    running = cluster.start(sweep_seconds=0.2, relist_seconds=HOUR)
    until(lambda: "2 records are stored" in running.log, "the listing", BOUND_SECONDS)
    cluster.server.ask(
        "DELETE", f"{cluster.executions}/again"
    )  # on a slow machine it is already gone
    cluster.submit("again")
    cluster.claimed("again")
    cluster.no_execution("witness")
    assert cluster.status("again")["phase"] == "Running"
    cluster.cancel("again")
    cluster.ended("again")


def test_recording_an_end_triggers_retention(cluster: FakeCluster) -> None:
    cluster.start(retention_executions=5, sweep_seconds=HOUR)
    names = many("end", 12)
    for name in names:
        until_it_ended(cluster, name)
    until_stored(cluster, names[7:])
    assert cluster.status("end-011")["storedBytes"] > 100


def test_retention_does_not_remove_an_execution_that_has_not_ended(cluster: FakeCluster) -> None:
    uid = cluster.submit("first")
    fill(cluster, many("ended", 5))
    cluster.start(retention_executions=0, sweep_seconds=HOUR)
    until_stored(cluster, ["first"])
    assert cluster.pod(uid)
    cluster.cancel("first")
    until_stored(cluster, [])


def test_new_executions_end_as_queue_full_while_the_storage_is_full(cluster: FakeCluster) -> None:
    cluster.start(retention_bytes=6 * KIB, storage_hard_bytes=20 * KIB, sweep_seconds=HOUR)
    cluster.submit("large", code="#" * 16 * KIB)
    cluster.claimed("large")
    storage(cluster, "True")
    cluster.submit("last")
    cluster.claimed("last")
    assert storage(cluster, "False")["reason"] == "StorageFull"
    for name in ("one-too-many", "another"):
        cluster.submit(name)
        refused = cluster.ended(name)
        assert (refused["phase"], refused["reason"]) == ("Error", "QueueFull")

    for name in ("large", "last"):
        cluster.cancel(name)
    cluster.no_execution("large")
    storage(cluster, "True")
    cluster.submit("taken")
    cluster.claimed("taken")
    cluster.cancel("taken")
    cluster.ended("taken")


def storage(at: FakeCluster, status: str) -> dict[str, Any]:
    """Wait until the runtime's condition StorageAvailable has this status, and return it."""

    def look() -> dict[str, Any] | None:
        runtime = at.server.get(f"{at.runtimes}/python")
        for condition in runtime.get("status", {}).get("conditions", []):
            if condition["type"] == "StorageAvailable" and condition["status"] == status:
                return dict(condition)
        return None

    return until(look, f"StorageAvailable to be {status}", BOUND_SECONDS)


def test_an_ended_session_is_removed_after_an_hour(cluster: FakeCluster) -> None:
    sessions = cluster.executions.replace("sandboxexecutions", "sandboxsessions")
    for name, phase, hours in (
        ("ready", "Ready", -2.0),
        ("just-now", "Ended", -0.5),
        ("long-ago", "Ended", -1.5),
    ):
        cluster.server.create(
            sessions,
            {
                "apiVersion": API_VERSION,
                "kind": "SandboxSession",
                "metadata": {"name": name},
                "spec": {"language": "python"},
            },
        )
        ended = (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        status = {"phase": phase, "expiresAt": ended}
        cluster.server.merge(f"{sessions}/{name}/status", {"status": status})
    cluster.start()
    until(
        lambda: cluster.server.find(f"{sessions}/long-ago") is None,
        "the old one to go",
        BOUND_SECONDS,
    )
    assert cluster.server.find(f"{sessions}/just-now")
