"""docs/operate/upgrade.md: from an older schema to today's, with executions in all states."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from support.clients.api_server import CLOCHE, api_server
from support.data.names import ROOT, SANDBOXES, SYSTEM
from support.fixtures.chart.release import ChartRelease

from cloche_cluster.embedded.control_plane import control_plane

YOUNGER = ("checkSeconds", "usage", "recordedTime", "storedBytes", "selector")
"""Status fields that the older schema does not have."""


def older() -> str:
    """Today's CRDs, less the younger kinds, some fields of the status, a column and the scale."""
    younger = ("sandboxsessions", "sandboxtombstones", "sandboxsources")
    found = [yaml.safe_load(path.read_text()) for path in sorted(ROOT.glob("crds/*.yaml"))]
    manifests: list[Any] = copy.deepcopy(  # no YAML aliases between them
        [crd for crd in found if crd["spec"]["names"]["plural"] not in younger]
    )
    for crd in manifests:
        (version,) = crd["spec"]["versions"]
        version["additionalPrinterColumns"].pop()
        version["subresources"].pop("scale", None)
        status = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
        for field in YOUNGER:
            status.pop(field, None)
    return "\n---\n".join(json.dumps(crd) for crd in manifests)


@pytest.fixture(scope="module")
def old() -> Iterator[ChartRelease]:
    """An installation on the older schema, which is the whole cluster's: with an API server."""
    with control_plane(controllers=True) as plane:
        cluster = ChartRelease(plane.kubeconfig, plane.kubectl)
        cluster("create", "-f", "-", stdin=older())
        cluster("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        cluster("create", "namespace", SYSTEM)
        cluster.upgrade()
        yield cluster


def patch_status(cluster: ChartRelease, name: str, **status: Any) -> None:
    """Write a status as the operator does."""
    with api_server(cluster.kubeconfig, by=cluster.operator) as server:
        path = f"{CLOCHE}/{SANDBOXES}/sandboxexecutions/{name}/status"
        server.merge(path, {"status": status})


def test_executions_survive_an_upgrade_from_the_older_schema(old: ChartRelease) -> None:
    ended = {"phase": "Completed", "reason": "Exited", "exitCode": 0, "checkSeconds": 0.5}
    for name in ("ended", "running", "waiting"):
        assert old.try_execution(name).returncode == 0
    patch_status(old, "running", phase="Running", podName="sbx-1")
    patch_status(old, "ended", **ended)
    before = old.json("get", "sbx", "ended", "-n", SANDBOXES)
    # What the older schema does not know is gone without a word: why the CRDs come first.
    assert "checkSeconds" not in before["status"]
    assert old.try_session("sbs-1").returncode != 0
    scale = ("scale", "sbr/python", "-n", SANDBOXES, "--replicas=3")
    assert old.run(*scale).returncode != 0

    old.apply_crds()
    old("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    old.upgrade("--force-conflicts")

    assert old.json("get", "sbx", "ended", "-n", SANDBOXES) == before
    patch_status(old, "running", **ended)
    patch_status(old, "waiting", phase="Running")
    assert old.json("get", "sbx", "running", "-n", SANDBOXES)["status"]["checkSeconds"] == 0.5
    old("patch", "sbx/waiting", "-n", SANDBOXES, "--type=merge", "-p", '{"spec":{"cancel":true}}')
    assert old.try_session("sbs-1").returncode == 0
    old(*scale)
    assert old.json("get", "sbr/python", "-n", SANDBOXES)["spec"]["pool"]["size"] == 3
    crd = old.json("get", "crd", "sandboxexecutions.cloche.dev")
    assert crd["status"]["storedVersions"] == ["v1alpha1"]


def test_an_ended_execution_cannot_change_after_the_upgrade(old: ChartRelease) -> None:
    done = old.run(
        "patch", "sbx", "ended", "-n", SANDBOXES, "--type=merge", "--subresource=status",
        "-p", '{"status":{"usage":{"cpuSeconds":1}}}',
    )  # fmt: skip
    assert done.returncode != 0
    assert "status" in done.stderr


def test_rolling_back_the_release_keeps_schema_and_records(old: ChartRelease) -> None:
    history = json.loads(old.helm("history", "cloche", "-o", "json"))
    old.helm("rollback", "cloche", str(history[0]["revision"]), "--force-conflicts")
    assert old.json("get", "sbx", "running", "-n", SANDBOXES)["status"]["checkSeconds"] == 0.5
