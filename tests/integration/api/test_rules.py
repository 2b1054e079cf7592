"""Immutability of executions: the client writes the spec once, the operator the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.clients.api_server import CLOCHE, JSON_PATCH, MERGE, ApiServer

Make = Callable[..., dict[str, Any]]

# Each field of the spec but cancel and source: a value, and another.
FIELDS: dict[str, tuple[Any, Any]] = {
    "language": ("python", "bash"),
    "code": ("print(1)", "print(2)"),
    "entry": ("pytest", "unittest"),
    "args": (["a"], ["b"]),
    "stdin": ("a", "b"),
    "environment": ({"A": "1"}, {"A": "1", "B": "2"}),
    "files": ([{"path": "a", "content": ""}], [{"path": "a", "contentBase64": ""}]),
    "outputFiles": (["*"], ["/tmp/*", "/mnt/data/*.png", "/home/user/a", "/workspace/d/*"]),
    "timeoutSeconds": (30, 0.5),
    "compileTimeoutSeconds": (10, 0.5),
    "mergeOutput": (True, False),
    "resources": ({"cpu": 1}, {"cpu": "1"}),
    "session": ("a", "b"),
    "sessionID": ("a b", "a c"),
    "tenant": ("a", "b"),
    "concurrency": ({"group": "a", "limit": 1}, {"group": "a", "limit": 2}),
    "waitingPod": ({"name": "a", "uid": "a"}, {"name": "a", "uid": "b"}),
    "ttlSecondsAfterFinished": (3600, 0),
}
SOURCE = {"name": "apart-0123abcd", "bytes": 1}
"""In the place of code and the like."""
REQUIRED = {"language", "code"}
DEFAULTED = {"timeoutSeconds", "ttlSecondsAfterFinished"}


@pytest.fixture
def executions(namespace: str) -> str:
    """The path of the executions in a namespace of the test's own."""
    return f"{CLOCHE}/{namespace}/sandboxexecutions"


def test_these_tests_cover_every_field_of_an_executions_spec(server: ApiServer) -> None:
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    crd = server.get(f"{crds}/sandboxexecutions.cloche.dev")
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert set(schema["properties"]["spec"]["properties"]) == {
        *FIELDS,
        "source",
        "cancel",
        "action",
    }


def test_no_field_of_an_executions_spec_can_be_changed_removed_or_added(
    server: ApiServer, executions: str, execution: Make
) -> None:
    whole = {field: values[0] for field, values in FIELDS.items()}
    server.create(executions, execution("whole", **whole))
    server.create(executions, execution("bare"))
    for field, (value, other) in FIELDS.items():
        fixed = f"spec.{field} may not change once the execution exists"
        changed = server.ask("PATCH", f"{executions}/whole", {"spec": {field: other}}, MERGE)
        assert (changed.status_code, fixed in changed.text) == (422, True), field
        if field not in REQUIRED | DEFAULTED:
            gone = server.ask("PATCH", f"{executions}/whole", {"spec": {field: None}}, MERGE)
            assert (gone.status_code, fixed in gone.text) == (422, True), field
            added = server.ask("PATCH", f"{executions}/bare", {"spec": {field: value}}, MERGE)
            assert (added.status_code, fixed in added.text) == (422, True), field
    for name in ("whole", "bare"):
        server.merge(f"{executions}/{name}", {"metadata": {"labels": {"mine": "yes"}}})


def test_the_source_reference_of_an_execution_cannot_change(
    server: ApiServer, executions: str, execution: Make
) -> None:
    server.create(executions, execution("apart", code=None, source=SOURCE))
    server.create(executions, execution("whole"))
    fixed = "spec.source may not change once the execution exists"
    for name, source in (
        ("apart", {"name": "apart-89abcdef"}),
        ("apart", {"bytes": 2}),
        ("apart", None),
        ("whole", SOURCE),
    ):
        refused = server.ask("PATCH", f"{executions}/{name}", {"spec": {"source": source}}, MERGE)
        assert (refused.status_code, fixed in refused.text) == (422, True), source


def test_the_cancel_field_can_only_become_true(
    server: ApiServer, executions: str, execution: Make
) -> None:
    server.create(executions, execution())
    for name, cancel in (("born", True), ("said", False)):
        server.create(executions, execution(name, cancel=cancel))
    for name in ("one", "said"):
        assert server.merge(f"{executions}/{name}", {"spec": {"cancel": True}})["spec"]["cancel"]
    for name in ("one", "said", "born"):
        for back in (False, None):
            no = server.ask("PATCH", f"{executions}/{name}", {"spec": {"cancel": back}}, MERGE)
            assert (no.status_code, "spec.cancel can only become true" in no.text) == (422, True)


def test_a_new_execution_is_pending_regardless_of_the_given_status(
    server: ApiServer, executions: str, execution: Make
) -> None:
    made = server.create(executions, execution() | {"status": {"phase": "Completed"}})
    assert made["status"] == {"phase": "Pending"}


@pytest.mark.parametrize("phase", ["Completed", "TimedOut", "Cancelled", "Error"])
def test_the_status_of_an_ended_execution_cannot_change(
    server: ApiServer, executions: str, execution: Make, phase: str
) -> None:
    status = f"{executions}/one/status"
    server.create(executions, execution())
    server.merge(status, {"status": {"phase": "Running", "podName": "p"}})
    server.merge(status, {"status": {"phase": phase, "reason": "Exited", "stdout": "x"}})
    server.merge(status, {"status": {"phase": phase, "stdout": "x"}})  # nothing new: no change
    changes: list[dict[str, Any]] = [
        {"phase": "Running"},
        {"phase": "Pending"},
        {"phase": None},
        {"phase": "Error" if phase != "Error" else "Completed"},
        {"reason": "Signaled"},
        {"reason": None},
        {"stdout": "y"},
        {"stderr": ""},
        {"exitCode": 0},
        {"storedBytes": 1},
        {"recordedTime": "2026-01-02T03:04:31.123456Z"},
        {"conditions": []},
    ]
    for change in changes:
        no = server.ask("PATCH", status, {"status": change}, MERGE)
        assert no.status_code == 422, change
        assert "status cannot change once the execution has ended" in no.text
    server.merge(f"{executions}/one", {"spec": {"cancel": True}})
    server.delete(f"{executions}/one")


@pytest.mark.parametrize("phase", ["Pending", "Running", "Completed"])
def test_the_status_of_an_execution_cannot_be_removed(
    server: ApiServer, executions: str, execution: Make, phase: str
) -> None:
    server.create(executions, execution())
    server.merge(f"{executions}/one/status", {"status": {"phase": phase, "podName": "p"}})
    for body, kind in (
        ([{"op": "remove", "path": "/status"}], JSON_PATCH),
        ({"status": None}, MERGE),
    ):
        no = server.ask("PATCH", f"{executions}/one/status", body, kind)
        if phase == "Completed":
            assert no.status_code == 422, no.text
        after = server.get(f"{executions}/one")["status"]
        # Where a status was removed, the schema's default Pending replaces it.
        assert after["phase"] in (phase, "Pending")
    if phase == "Completed":
        assert server.get(f"{executions}/one")["status"]["podName"] == "p"


@pytest.mark.parametrize(
    ("status", "field"),
    [
        ({"phase": "Done"}, "status.phase"),
        ({"reason": "no reason"}, "status.reason"),
        ({"exitCode": "0"}, "status.exitCode"),
        ({"stdout": "x" * (256 * 1024 + 1)}, "status.stdout"),
        ({"startTime": "yesterday"}, "status.startTime"),
        ({"recordedTime": "yesterday"}, "status.recordedTime"),
        ({"storedBytes": -1}, "status.storedBytes"),
        ({"storedBytes": "many"}, "status.storedBytes"),
        ({"conditions": [{"type": "Finished"}]}, "status.conditions[0].status"),
        ({"conditions": ["Finished"]}, "status.conditions[0]"),
        ({"usage": {"cpuSeconds": "much"}}, "status.usage.cpuSeconds"),
    ],
)
def test_an_invalid_execution_status_is_rejected_and_its_field_named(
    server: ApiServer, executions: str, execution: Make, status: dict[str, Any], field: str
) -> None:
    server.create(executions, execution())
    no = server.ask("PATCH", f"{executions}/one/status", {"status": status}, MERGE)
    assert (no.status_code, field in no.text) == (422, True)
