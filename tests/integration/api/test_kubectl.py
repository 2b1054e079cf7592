"""The resources as kubectl shows them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.clients.api_server import CLOCHE, MERGE, ApiServer
from support.data.names import ROOT
from support.fixtures.control_planes import ControlPlane

from cloche_api.resources.phases import TERMINAL

Make = Callable[..., dict[str, Any]]
EXAMPLES = ROOT / "examples"
SELECTOR = "cloche.dev/runtime=python,cloche.dev/state=waiting"
FINISHED = {
    "phase": "Completed",
    "reason": "Exited",
    "exitCode": 3,
    "executionSeconds": 0.081,
    "podName": "sbx-123",
    "nodeName": "node-7",
    "warm": True,
    "expirationTime": "2026-01-02T04:04:30.123456Z",
    "storedBytes": 731,
    "conditions": [
        {
            "type": "Finished",
            "status": "True",
            "reason": "Exited",
            "message": "The program exited with code 3.",
            "lastTransitionTime": "2026-01-02T03:04:30Z",
        }
    ],
}


def table(text: str) -> list[list[str]]:
    """kubectl's columns, which are at least three blanks apart."""
    lines = text.rstrip("\n").split("\n")
    starts = [m.start() for m in re.finditer(r"\S+", lines[0])]
    ends = [*starts[1:], None]
    return [
        [line[start:end].strip() for start, end in zip(starts, ends, strict=True)] for line in lines
    ]


@pytest.fixture
def ended(server: ApiServer, namespace: str, execution: Make) -> str:
    """A namespace with an execution that has ended and one that has not."""
    executions = f"{CLOCHE}/{namespace}/sandboxexecutions"
    server.create(executions, execution("done", tenant="acme", session="s-1"))
    server.create(executions, execution("fresh", language="bash"))
    server.merge(f"{executions}/done/status", {"status": FINISHED})
    return namespace


def test_kubectl_get_shows_an_executions_columns(control_plane: ControlPlane, ended: str) -> None:
    head, done, fresh = table(control_plane.kubectl("get", "sbx", "-n", ended))
    assert head == ["NAME", "LANGUAGE", "PHASE", "REASON", "EXIT", "SECONDS", "AGE"]
    assert done[:-1] == ["done", "python", "Completed", "Exited", "3", "0.081"]
    assert fresh[:-1] == ["fresh", "bash", "Pending", "", "", ""]
    assert re.fullmatch(r"\d+s", done[-1])


def test_kubectl_get_wide_shows_an_executions_columns(
    control_plane: ControlPlane, ended: str
) -> None:
    head, done, _ = table(control_plane.kubectl("get", "sbx", "-n", ended, "-o", "wide"))
    shown = dict(zip(head, done, strict=True))
    assert {k: shown[k] for k in ("TENANT", "SESSION", "POD", "NODE", "WARM", "BYTES")} == {
        "TENANT": "acme",
        "SESSION": "s-1",
        "POD": "sbx-123",
        "NODE": "node-7",
        "WARM": "true",
        "BYTES": "731",
    }
    assert shown["EXPIRES"] == "2026-01-02T04:04:30.123456Z"


def test_kubectl_get_shows_a_runtimes_columns(
    control_plane: ControlPlane, namespace: str, runtime: Make
) -> None:
    control_plane.kubectl(
        *("apply", "-n", namespace, "-f", "-"),
        stdin=json.dumps(runtime("python", version="3.13", pool={"size": 2})),
    )
    head, row = table(control_plane.kubectl("get", "sbr", "-n", namespace))
    assert head == ["NAME", "IMAGE", "VERSION", "POOL", "READY", "CLAIMED", "AGE"]
    assert row[:-1] == ["python", "cloche/runtime-python:dev", "3.13", "2", "", ""]


def test_kubectl_get_wide_shows_a_runtimes_columns(
    control_plane: ControlPlane, server: ApiServer, namespace: str, runtime: Make
) -> None:
    runtimes = f"{CLOCHE}/{namespace}/sandboxruntimes"
    server.create(runtimes, runtime("python", pool={"size": 2}))
    since = {"lastTransitionTime": "2026-01-02T03:04:30Z", "message": ""}
    conditions = [
        {"type": "StorageAvailable", "status": "True", "reason": "Enough", **since},
        {"type": "Ready", "status": "False", "reason": "ImagePullFailed", **since},
    ]
    status = {"wanted": 2, "ready": 0, "claimed": 1, "starting": 3, "conditions": conditions}
    server.merge(f"{runtimes}/python/status", {"status": status})
    head, row = table(control_plane.kubectl("get", "sbr", "-n", namespace, "-o", "wide"))
    shown = dict(zip(head, row, strict=True))
    assert {k: shown[k] for k in ("READY", "CLAIMED", "WANTED", "STARTING", "REASON")} == {
        "READY": "0",
        "CLAIMED": "1",
        "WANTED": "2",
        "STARTING": "3",
        "REASON": "ImagePullFailed",
    }


@pytest.fixture
def pool(server: ApiServer, namespace: str, runtime: Make) -> str:
    """A namespace with a runtime whose pool has one waiting Pod of two."""
    runtimes = f"{CLOCHE}/{namespace}/sandboxruntimes"
    server.create(runtimes, runtime("python", pool={"size": 2}))
    server.merge(f"{runtimes}/python/status", {"status": {"ready": 1, "selector": SELECTOR}})
    return namespace


def test_kubectl_scale_sets_the_size_of_a_pool(
    control_plane: ControlPlane, server: ApiServer, pool: str
) -> None:
    said = control_plane.kubectl("scale", "sbr", "python", "-n", pool, "--replicas=3")
    assert said == "sandboxruntime.cloche.dev/python scaled\n"
    path = f"{CLOCHE}/{pool}/sandboxruntimes/python"
    assert server.get(path)["spec"]["pool"]["size"] == 3
    scale = server.get(f"{path}/scale")
    assert scale["spec"] == {"replicas": 3}
    assert scale["status"] == {"replicas": 1, "selector": SELECTOR}


@pytest.mark.parametrize("size", [-1, 1001])
def test_a_pool_is_not_scaled_beyond_its_bounds(server: ApiServer, pool: str, size: int) -> None:
    path = f"{CLOCHE}/{pool}/sandboxruntimes/python"
    change = {"spec": {"replicas": size}}
    answer = server.ask("PATCH", f"{path}/scale", change, MERGE)
    assert answer.status_code == 422, answer.text
    assert server.get(path)["spec"]["pool"]["size"] == 2


def test_a_pool_can_be_scaled_that_has_none(
    control_plane: ControlPlane, server: ApiServer, namespace: str, runtime: Make
) -> None:
    server.create(f"{CLOCHE}/{namespace}/sandboxruntimes", runtime("python"))
    control_plane.kubectl("scale", "sbr", "python", "-n", namespace, "--replicas=1")
    found = server.get(f"{CLOCHE}/{namespace}/sandboxruntimes/python")
    assert found["spec"]["pool"]["size"] == 1


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_example_manifest_is_accepted(
    control_plane: ControlPlane, namespace: str, path: Path
) -> None:
    manifest = path.read_text().replace("namespace: cloche-sandboxes", f"namespace: {namespace}")
    said = control_plane.kubectl("create", "-f", "-", "-o", "name", stdin=manifest)
    assert said.startswith("sandboxexecution.cloche.dev/")


@pytest.fixture
def sessions(server: ApiServer, namespace: str, sandbox_session: Make) -> str:
    """A namespace with a session that is ready and one that is pending."""
    path = f"{CLOCHE}/{namespace}/sandboxsessions"
    server.create(path, sandbox_session("sbs-a", tenant="acme"))
    server.create(path, sandbox_session("sbs-b", language="bash"))
    status = {
        "phase": "Ready",
        "reason": "PodReady",
        "podName": "sbs-a-pod",
        "lastUsedTime": "2026-01-02T03:04:30.123456Z",
        "expiresAt": "2026-01-02T03:14:30.123456Z",
    }
    server.merge(f"{path}/sbs-a/status", {"status": status})
    return namespace


def test_kubectl_get_shows_a_sessions_columns(control_plane: ControlPlane, sessions: str) -> None:
    head, ready, fresh = table(control_plane.kubectl("get", "sbs", "-n", sessions))
    assert head == ["NAME", "LANGUAGE", "PHASE", "REASON", "EXPIRES", "AGE"]
    expires = "2026-01-02T03:14:30.123456Z"
    assert ready[:-1] == ["sbs-a", "python", "Ready", "PodReady", expires]
    assert fresh[:-1] == ["sbs-b", "bash", "Pending", "", ""]


def test_kubectl_get_wide_shows_a_sessions_columns(
    control_plane: ControlPlane, sessions: str
) -> None:
    head, ready, _ = table(control_plane.kubectl("get", "sbs", "-n", sessions, "-o", "wide"))
    shown = dict(zip(head, ready, strict=True))
    assert {k: shown[k] for k in ("TENANT", "POD", "LASTUSED")} == {
        "TENANT": "acme",
        "POD": "sbs-a-pod",
        "LASTUSED": "2026-01-02T03:04:30.123456Z",
    }


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("spec.tenant=acme", ["sbs-a"]),
        ("status.phase=Pending", ["sbs-b"]),
        ("status.phase!=Ended", ["sbs-a", "sbs-b"]),
    ],
)
def test_a_field_selector_selects_sessions(
    control_plane: ControlPlane, sessions: str, selector: str, names: list[str]
) -> None:
    found = control_plane.kubectl(
        *("get", "sbs", "-n", sessions, f"--field-selector={selector}", "-o", "name")
    ).split()
    assert [name.rsplit("/", 1)[1] for name in found] == names


@pytest.mark.parametrize("kind", ["sbx", "sandboxexecution", "sandboxexecutions"])
def test_kubectl_finds_executions_by_each_name_of_the_resource(
    control_plane: ControlPlane, ended: str, kind: str
) -> None:
    names = control_plane.kubectl("get", kind, "-n", ended, "-o", "name").split()
    assert names == [f"sandboxexecution.cloche.dev/{name}" for name in ("done", "fresh")]


def test_the_category_cloche_selects_executions_runtimes_and_sessions(
    control_plane: ControlPlane, server: ApiServer, ended: str, runtime: Make, sandbox_session: Make
) -> None:
    server.create(f"{CLOCHE}/{ended}/sandboxruntimes", runtime("python"))
    server.create(f"{CLOCHE}/{ended}/sandboxsessions", sandbox_session("sbs-1"))
    names = control_plane.kubectl("get", "cloche", "-n", ended, "-o", "name").split()
    assert set(names) == {
        "sandboxexecution.cloche.dev/done",
        "sandboxexecution.cloche.dev/fresh",
        "sandboxruntime.cloche.dev/python",
        "sandboxsession.cloche.dev/sbs-1",
    }


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("spec.language=bash", ["fresh"]),
        ("spec.tenant=acme", ["done"]),
        ("spec.session=s-1", ["done"]),
        ("status.phase=Pending", ["fresh"]),
        ("status.phase!=Pending", ["done"]),
        (
            ",".join(f"status.phase!={phase}" for phase in sorted(TERMINAL)),
            ["fresh"],
        ),
        ("spec.tenant=other", []),
    ],
)
def test_a_field_selector_selects_executions(
    control_plane: ControlPlane, ended: str, selector: str, names: list[str]
) -> None:
    found = control_plane.kubectl(
        *("get", "sbx", "-n", ended, f"--field-selector={selector}", "-o", "name")
    ).split()
    assert [name.rsplit("/", 1)[1] for name in found] == names


def test_kubectl_wait_returns_at_once_for_an_ended_execution(
    control_plane: ControlPlane, ended: str
) -> None:
    output = control_plane.kubectl(
        *("wait", "-n", ended, "--for=condition=Finished", "--timeout=20s", "sbx/done")
    )
    assert output == "sandboxexecution.cloche.dev/done condition met\n"


def test_kubectl_wait_returns_when_an_execution_ends(
    control_plane: ControlPlane, server: ApiServer, ended: str
) -> None:
    command = [
        *(*control_plane.kubectl.command, "wait"),
        *("-n", ended, "--for=condition=Finished", "--timeout=20s", "sbx/fresh"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        server.merge(f"{CLOCHE}/{ended}/sandboxexecutions/fresh/status", {"status": FINISHED})
        output, _ = waiting.communicate(timeout=25)
    assert (waiting.returncode, "condition met" in output) == (0, True)


def test_kubectl_explain_describes_a_field(control_plane: ControlPlane) -> None:
    output = control_plane.kubectl("explain", "sbx.spec.resources.memory")
    assert "Files in the working directory count as memory" in " ".join(output.split())
