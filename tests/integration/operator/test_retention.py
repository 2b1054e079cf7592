"""The stored records stay within their bounds: age, number and bytes, across restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from support.deadline import until
from support.stage import BOUND_SECONDS, Stage

from cloche_api.resources import tombstone

HOUR = 3600.0
KIB = 1024
ENOUGH = 100 * KIB * KIB
KEY = "c" * 64
"""The hash of a request with an Idempotency-Key."""


def fill(  # noqa: PLR0913  what differs between records, by name
    at: Stage,
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


def end(at: Stage, name: str, **status: Any) -> None:
    fields = {"phase": "Completed", "reason": "Exited", "stdout": "Hello, World!\n"} | status
    at.server.merge(f"{at.executions}/{name}/status", {"status": fields})


def until_it_ended(at: Stage, name: str) -> None:
    """Submit an execution that ends at once, and wait until the operator has recorded its end."""
    at.submit(name, language="cobol")

    def ended() -> bool:
        obj = at.server.find(f"{at.executions}/{name}")
        return obj is None or obj["status"]["phase"] == "Error"

    until(ended, BOUND_SECONDS, f"{name} to end")


def tombstones(at: Stage) -> list[dict[str, Any]]:
    path = at.executions.replace("sandboxexecutions", "sandboxtombstones")
    items: list[dict[str, Any]] = at.server.get(path)["items"]
    return items


def stored(at: Stage) -> set[str]:
    return {obj["metadata"]["name"] for obj in at.server.get(at.executions)["items"]}


def until_stored(at: Stage, names: list[str]) -> None:
    until(lambda: stored(at) == set(names), BOUND_SECONDS, f"{len(names)} records to remain")


def many(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{n:03}" for n in range(count)]


def test_the_oldest_of_too_many_go(alone: Stage) -> None:
    names = fill(alone, many("one", 300))
    running = alone.start(retention_executions=250)
    until_stored(alone, names[50:])

    running.kill()
    names += fill(alone, many("two", 20), seconds=2 * HOUR)
    alone.start(retention_executions=250)
    until_stored(alone, names[70:])


def test_the_oldest_go_until_the_bytes_fit(alone: Stage) -> None:
    names = fill(alone, many("large", 10), size=100 * KIB)
    names += fill(alone, many("small", 10), size=1, seconds=2 * HOUR)
    alone.start(retention_bytes=550 * KIB, storage_hard_bytes=ENOUGH)
    until_stored(alone, names[5:])  # with 2 KiB of metadata each, 530 KiB


def test_a_tenant_that_has_too_much_loses_its_own(alone: Stage) -> None:
    modest = fill(alone, many("modest", 5), size=10 * KIB, tenant="modest", seconds=HOUR - 60)
    greedy = fill(alone, many("greedy", 10), size=100 * KIB, tenant="greedy")
    nobody = fill(alone, many("nobody", 5), size=100 * KIB, seconds=2 * HOUR)
    alone.start(retention_bytes_per_tenant=320 * KIB)
    until_stored(alone, modest + greedy[-3:] + nobody[-3:])


def test_records_go_from_whoever_has_most(alone: Stage) -> None:
    """In number and then in bytes, although the others' records are older."""
    victim = fill(alone, many("victim", 5), size=40 * KIB, tenant="victim", seconds=HOUR - 60)
    many_small = fill(alone, many("small", 20), size=1, tenant="small")
    few_large = fill(alone, many("large", 7), size=100 * KIB, tenant="large", seconds=2 * HOUR)
    running = alone.start(retention_executions=20)
    until_stored(alone, victim + many_small[-8:] + few_large)

    running.kill()
    alone.start(retention_bytes=650 * KIB, storage_hard_bytes=ENOUGH)
    until_stored(alone, victim + many_small[-8:] + few_large[-4:])


def test_a_record_that_is_removed_early_leaves_its_key(alone: Stage) -> None:
    names = fill(alone, many("keyed", 3), tenant="acme", key=KEY)
    fill(alone, ["expired"], seconds=-1, tenant="acme", key=KEY)
    fill(alone, ["soon-over"], seconds=-1, tenant="acme", key=KEY, ttlSecondsAfterFinished=0)
    fill(alone, ["plain"], seconds=-1)
    running = alone.start(retention_executions=1)
    until_stored(alone, names[2:])
    left = {of["metadata"]["name"]: of["spec"] for of in tombstones(alone)}
    assert left.keys() == {*names[:2], "soon-over"}
    assert {(of["tenant"], of["requestSHA256"]) for of in left.values()} == {("acme", KEY)}

    for name in names[:2]:
        uid = alone.submit(name, key=KEY, tenant="acme")
        refused = alone.ended(name)
        assert (refused["phase"], refused["reason"]) == ("Error", "RecordRemoved")
        assert "podName" not in refused
        alone.no_pod(uid)
    running.kill()
    alone.submit("expired", key=KEY, tenant="acme")
    alone.start(retention_executions=100)
    alone.claimed("expired")
    alone.cancel("expired")
    alone.ended("expired")


def test_an_operator_that_begins_finds_the_tombstones_and_removes_the_expired(
    alone: Stage,
) -> None:
    now = datetime.now(UTC)
    for name, hours in (("counts", 1), ("counts-no-more", -1)):
        expires = now + timedelta(hours=hours)
        path = alone.executions.replace("sandboxexecutions", "sandboxtombstones")
        alone.server.create(path, tombstone.manifest(name, "acme", KEY, expires))
    alone.submit("counts", key=KEY, tenant="acme")
    alone.start()
    assert alone.ended("counts")["reason"] == "RecordRemoved"
    until(
        lambda: [of["metadata"]["name"] for of in tombstones(alone)] == ["counts"],
        BOUND_SECONDS,
        "the expired tombstone to go",
    )


def test_what_a_finalizer_keeps_is_counted_and_pushes_nothing_out(alone: Stage) -> None:
    fill(alone, ["held"], size=900 * KIB, seconds=-1)
    patch = {"metadata": {"finalizers": ["example.com/mine"]}}
    alone.server.merge(f"{alone.executions}/held", patch)
    kept = fill(alone, many("kept", 3), size=100 * KIB)
    running = alone.start(
        retention_bytes=400 * KIB,
        storage_hard_bytes=1000 * KIB,
        relist_seconds=1,
        sweep_seconds=0.2,
    )
    until(lambda: "record held stays" in running.log, BOUND_SECONDS, "the deletion")
    storage(alone, "False")
    alone.server.merge(f"{alone.executions}/held", {"metadata": {"finalizers": None}})
    until_stored(alone, kept)
    storage(alone, "True")


def test_too_many_bytes_of_one_tenant_end_the_rest_of_them(alone: Stage) -> None:
    """This concerns executions created by kubectl: the gateway refuses its own before creation."""
    alone.start(write_bytes_per_tenant=16 * KIB * KIB)
    names = many("large", 16)
    for name in names:
        alone.submit(name, code="#" * 250 * KIB, stdin="#" * 250 * KIB, args=["#" * 60 * KIB])
        alone.cancel(name)
    reasons = [alone.ended(name)["reason"] for name in names]
    refused = [name for name, reason in zip(names, reasons, strict=True) if reason == "WriteLimit"]
    assert reasons[0] == "Cancelled"
    assert len(refused) >= 2
    assert "Too many bytes" in alone.status(refused[0])["message"]
    alone.submit("modest", tenant="other", language="cobol")
    assert alone.ended("modest")["reason"] == "UnknownLanguage"


def test_records_expire_one_by_one(alone: Stage) -> None:
    fill(alone, ["long-ago"], seconds=-HOUR)
    fill(alone, ["soon"], seconds=3)
    keep = fill(alone, ["later"])
    alone.start(sweep_seconds=0.3, relist_seconds=HOUR)
    until_stored(alone, keep)


def test_what_others_delete_is_learnt(alone: Stage) -> None:
    names = fill(alone, many("one", 20))
    running = alone.start(retention_executions=20, sweep_seconds=0.2, relist_seconds=0.2)
    until(lambda: "20 records are stored" in running.log, BOUND_SECONDS, "the listing")
    for name in names[10:]:
        alone.server.delete(f"{alone.executions}/{name}")
    until(lambda: "10 records are stored" in running.log, BOUND_SECONDS, "the next listing")
    names[10:] = many("two", 11)
    for name in names[10:]:
        until_it_ended(alone, name)
    until_stored(alone, names[1:])


def test_a_name_that_was_used_again_is_another_record(alone: Stage) -> None:
    fill(alone, ["again"], seconds=5)
    fill(alone, ["witness"], seconds=7)
    running = alone.start(sweep_seconds=0.2, relist_seconds=HOUR)
    until(lambda: "2 records are stored" in running.log, BOUND_SECONDS, "the listing")
    alone.server.ask("DELETE", f"{alone.executions}/again")  # on a slow machine it is already gone
    alone.submit("again")
    alone.claimed("again")
    alone.no_execution("witness")
    assert alone.status("again")["phase"] == "Running"
    alone.cancel("again")
    alone.ended("again")


def test_what_the_operator_records_itself_wakes_it(alone: Stage) -> None:
    alone.start(retention_executions=5, sweep_seconds=HOUR)
    names = many("end", 12)
    for name in names:
        until_it_ended(alone, name)
    until_stored(alone, names[7:])
    assert alone.status("end-011")["storedBytes"] > 100


def test_what_has_not_ended_stays(alone: Stage) -> None:
    uid = alone.submit("first")
    fill(alone, many("ended", 5))
    alone.start(retention_executions=0, sweep_seconds=HOUR)
    until_stored(alone, ["first"])
    assert alone.pod(uid)
    alone.cancel("first")
    until_stored(alone, [])


def test_nothing_new_is_taken_while_all_space_is_taken(alone: Stage) -> None:
    alone.start(retention_bytes=6 * KIB, storage_hard_bytes=20 * KIB, sweep_seconds=HOUR)
    alone.submit("large", code="#" * 16 * KIB)
    alone.claimed("large")
    storage(alone, "True")
    alone.submit("last")
    alone.claimed("last")
    assert storage(alone, "False")["reason"] == "StorageFull"
    for name in ("one-too-many", "another"):
        alone.submit(name)
        refused = alone.ended(name)
        assert (refused["phase"], refused["reason"]) == ("Error", "QueueFull")

    for name in ("large", "last"):
        alone.cancel(name)
    alone.no_execution("large")
    storage(alone, "True")
    alone.submit("taken")
    alone.claimed("taken")
    alone.cancel("taken")
    alone.ended("taken")


def storage(at: Stage, status: str) -> dict[str, Any]:
    """Wait until the runtime's condition StorageAvailable has this status, and return it."""

    def look() -> dict[str, Any] | None:
        runtime = at.server.get(f"{at.runtimes}/python")
        for condition in runtime.get("status", {}).get("conditions", []):
            if condition["type"] == "StorageAvailable" and condition["status"] == status:
                return dict(condition)
        return None

    return until(look, BOUND_SECONDS, f"StorageAvailable to be {status}")


def test_ended_sessions_are_told_of_for_an_hour(alone: Stage) -> None:
    sessions = alone.executions.replace("sandboxexecutions", "sandboxsessions")
    for name, phase, hours in (
        ("ready", "Ready", -2.0),
        ("just-now", "Ended", -0.5),
        ("long-ago", "Ended", -1.5),
    ):
        alone.server.create(
            sessions,
            {
                "apiVersion": "cloche.dev/v1alpha1",
                "kind": "SandboxSession",
                "metadata": {"name": name},
                "spec": {"language": "python"},
            },
        )
        ended = (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        status = {"phase": phase, "expiresAt": ended}
        alone.server.merge(f"{sessions}/{name}/status", {"status": status})
    alone.start()
    until(
        lambda: alone.server.find(f"{sessions}/long-ago") is None,
        BOUND_SECONDS,
        "the old one to go",
    )
    assert alone.server.find(f"{sessions}/just-now")
