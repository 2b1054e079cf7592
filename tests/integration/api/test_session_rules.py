"""Immutability of sessions: the spec, and the status after the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.clients.api_server import CLOCHE, JSON_PATCH, MERGE, ApiServer

Make = Callable[..., dict[str, Any]]

# Each field of the spec: a value, and another.
SPEC: dict[str, tuple[Any, Any]] = {
    "language": ("python", "bash"),
    "tenant": ("a", "b"),
    "concurrency": ({"group": "a", "limit": 1}, {"group": "a", "limit": 2}),
    "resources": ({"cpu": 1}, {"cpu": "1"}),
    "stateful": ("Interpreter", None),
    "idleTimeoutSeconds": (600, 601),
    "lifetimeSeconds": (3600, 1),
}
REQUIRED = {"language"}
DEFAULTED = {"idleTimeoutSeconds", "lifetimeSeconds"}
FIXED = "spec may not change once the session exists, except idleTimeoutSeconds and lifetimeSeconds"

CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "PodReady",
    "message": "",
    "lastTransitionTime": "2026-01-02T03:04:30Z",
}
# Each field of the status: a value, and another.
STATUS: dict[str, tuple[Any, Any]] = {
    "phase": ("Ended", "Ready"),
    "reason": ("IdleTimeout", "LifetimeOver"),
    "message": ("a", "b"),
    "podName": ("a", "b"),
    "podUID": ("a", "b"),
    "nodeName": ("a", "b"),
    "resources": (
        {"cpu": 1, "memory": "1Mi", "disk": "1Mi"},
        {"cpu": 2, "memory": "1Mi", "disk": "1Mi"},
    ),
    "runtimeGeneration": (1, 2),
    "observedGeneration": (1, 2),
    "lastUsedTime": ("2026-01-02T03:04:30.123456Z", "2026-01-02T03:04:30.123457Z"),
    "expiresAt": ("2026-01-02T03:14:30.123456Z", "2026-01-02T03:14:31.123456Z"),
    "conditions": ([CONDITION], [CONDITION | {"status": "False"}]),
}


@pytest.fixture
def sessions(namespace: str) -> str:
    """The path of the sessions in a namespace of the test's own."""
    return f"{CLOCHE}/{namespace}/sandboxsessions"


def test_these_tests_cover_every_field_of_a_session(server: ApiServer) -> None:
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    crd = server.get(f"{crds}/sandboxsessions.cloche.dev")
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    assert set(schema["spec"]["properties"]) == set(SPEC)
    assert set(schema["status"]["properties"]) == set(STATUS)


def test_no_other_field_of_a_sessions_spec_can_be_changed_removed_or_added(
    server: ApiServer, sessions: str, sandbox_session: Make
) -> None:
    whole = {field: values[0] for field, values in SPEC.items()}
    server.create(sessions, sandbox_session("whole", **whole))
    server.create(sessions, sandbox_session("bare"))
    for field, (value, other) in SPEC.items():
        if field in DEFAULTED:
            continue
        changed = server.ask("PATCH", f"{sessions}/whole", {"spec": {field: other}}, MERGE)
        assert (changed.status_code, FIXED in changed.text) == (422, True), field
        if field not in REQUIRED:
            gone = server.ask("PATCH", f"{sessions}/whole", {"spec": {field: None}}, MERGE)
            assert (gone.status_code, FIXED in gone.text) == (422, True), field
            added = server.ask("PATCH", f"{sessions}/bare", {"spec": {field: value}}, MERGE)
            assert (added.status_code, FIXED in added.text) == (422, True), field
    for name in ("whole", "bare"):
        server.merge(f"{sessions}/{name}", {"metadata": {"labels": {"mine": "yes"}}})


def test_the_times_of_a_session_can_change_within_their_limits(
    server: ApiServer, sessions: str, sandbox_session: Make
) -> None:
    made = server.create(sessions, sandbox_session(tenant="a", resources={"cpu": 1}))
    for seconds in (1, 86_400):
        spec = {"idleTimeoutSeconds": seconds, "lifetimeSeconds": seconds}
        changed = server.merge(f"{sessions}/sbs-1", {"spec": spec})
        assert changed["spec"] == made["spec"] | spec
    assert changed["metadata"]["generation"] == made["metadata"]["generation"] + 2
    for seconds in (0, 86_401):
        no = server.ask("PATCH", f"{sessions}/sbs-1", {"spec": {"lifetimeSeconds": seconds}}, MERGE)
        assert (no.status_code, "spec.lifetimeSeconds" in no.text) == (422, True)


def test_a_new_session_is_pending_and_has_default_times(
    server: ApiServer, sessions: str, sandbox_session: Make
) -> None:
    made = server.create(sessions, sandbox_session() | {"status": {"phase": "Ended"}})
    assert made["status"] == {"phase": "Pending"}
    assert (made["spec"]["idleTimeoutSeconds"], made["spec"]["lifetimeSeconds"]) == (600, 3600)


@pytest.mark.parametrize("seconds", [1, 86_400])
def test_the_minimum_and_maximum_session_times_are_accepted(
    server: ApiServer, sessions: str, sandbox_session: Make, seconds: int
) -> None:
    spec = {"idleTimeoutSeconds": seconds, "lifetimeSeconds": seconds}
    assert server.create(sessions, sandbox_session(**spec))["spec"] == {
        "language": "python",
        **spec,
    }


def test_the_status_of_a_session_can_change_until_the_session_ends(
    server: ApiServer, sessions: str, sandbox_session: Make
) -> None:
    status = f"{sessions}/sbs-1/status"
    server.create(sessions, sandbox_session())
    for phase in ("Pending", "Ready"):
        for one in (0, 1):
            fields = {field: values[one] for field, values in STATUS.items()}
            said = server.merge(status, {"status": fields | {"phase": phase}})["status"]
            assert said == fields | {"phase": phase}


def test_the_status_of_an_ended_session_cannot_change(
    server: ApiServer, sessions: str, sandbox_session: Make
) -> None:
    whole = {field: values[0] for field, values in STATUS.items()}
    for name, fields in (("whole", whole), ("bare", {"phase": "Ended"})):
        server.create(sessions, sandbox_session(name))
        server.merge(f"{sessions}/{name}/status", {"status": {"phase": "Ready"}})
        server.merge(f"{sessions}/{name}/status", {"status": fields})
        server.merge(f"{sessions}/{name}/status", {"status": fields})  # nothing new: no change
    refused = "status cannot change once the session has ended"
    for field, (value, other) in STATUS.items():
        tries = [("whole", other), ("whole", None), *([("bare", value)] * (field != "phase"))]
        for name, new in tries:
            no = server.ask("PATCH", f"{sessions}/{name}/status", {"status": {field: new}}, MERGE)
            assert (no.status_code, refused in no.text) == (422, True), (field, name, new)
    for body, kind in (
        ([{"op": "remove", "path": "/status"}], JSON_PATCH),
        ({"status": None}, MERGE),
    ):
        assert server.ask("PATCH", f"{sessions}/whole/status", body, kind).status_code == 422
    assert server.get(f"{sessions}/whole")["status"] == whole
    server.merge(f"{sessions}/whole", {"metadata": {"labels": {"mine": "yes"}}})
    server.delete(f"{sessions}/whole")


@pytest.mark.parametrize(
    ("status", "field"),
    [
        ({"phase": "Running"}, "status.phase"),
        ({"reason": "no reason"}, "status.reason"),
        ({"reason": "X" * 65}, "status.reason"),
        ({"message": "x" * 4097}, "status.message"),
        ({"podName": "x" * 254}, "status.podName"),
        ({"podUID": "x" * 65}, "status.podUID"),
        ({"nodeName": "x" * 254}, "status.nodeName"),
        ({"resources": {"cpu": 1}}, "status.resources.memory"),
        ({"runtimeGeneration": -1}, "status.runtimeGeneration"),
        ({"observedGeneration": -1}, "status.observedGeneration"),
        ({"lastUsedTime": "just now"}, "status.lastUsedTime"),
        ({"expiresAt": "soon"}, "status.expiresAt"),
        ({"conditions": [{"type": "Ready"}]}, "status.conditions[0].status"),
        ({"conditions": [CONDITION | {"type": f"T{n}"} for n in range(9)]}, "status.conditions"),
    ],
)
def test_an_invalid_session_status_is_rejected_and_its_field_named(
    server: ApiServer, sessions: str, sandbox_session: Make, status: dict[str, Any], field: str
) -> None:
    server.create(sessions, sandbox_session())
    no = server.ask("PATCH", f"{sessions}/sbs-1/status", {"status": status}, MERGE)
    assert (no.status_code, field in no.text) == (422, True)
