"""Only the gateway names tenants and sessions: asked of a real API server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.chart_cluster import GATEWAY, OPERATOR, ChartCluster
from support.deadline import until
from support.helm import SANDBOXES


@pytest.fixture(scope="module")
def policed(installed: ChartCluster) -> ChartCluster:
    """With the policy at work, which takes the API server a moment after it was created."""

    def denied() -> bool:
        done = installed.run(
            "create", "--dry-run=server", "-f", "-",
            stdin=json.dumps({
                "apiVersion": "cloche.dev/v1alpha1", "kind": "SandboxExecution",
                "metadata": {"name": "probe", "namespace": SANDBOXES},
                "spec": {"language": "python", "code": "1", "tenant": "probe"},
            }),
        )  # fmt: skip
        return done.returncode != 0

    until(denied, 30, "the admission policy")
    return installed


def test_without_either_anybody_may_create(policed: ChartCluster) -> None:
    assert policed.try_execution("plain").returncode == 0


@pytest.mark.parametrize("field", ["tenant", "session"])
@pytest.mark.parametrize("by", [None, OPERATOR.replace("operator", "other"), GATEWAY + "x"])
def test_nobody_else_may_set_one(policed: ChartCluster, field: str, by: str | None) -> None:
    if by:
        policed(
            "create", "clusterrolebinding", f"any-{field}-{by.rsplit(':')[-1]}",
            "--clusterrole=cluster-admin", f"--user={by}",
        )  # fmt: skip
    spec: dict[str, Any] = {field: "victim"}
    done = policed.try_execution(f"forged-{field}", by=by, **spec)
    assert done.returncode != 0
    assert f"spec.{field}: only Cloche's gateway may set it" in done.stderr
    assert "leave it out, or send the program to the gateway with an API key" in done.stderr


@pytest.mark.parametrize("field", ["tenant", "session"])
def test_a_label_cannot_say_otherwise(policed: ChartCluster, field: str) -> None:
    label = {f"cloche.dev/{field}": "victim"}
    done = policed.try_execution(f"labelled-{field}", labels=label)
    assert done.returncode != 0
    assert f"cloche.dev/{field} must be the same as spec.{field}" in done.stderr
    spec: dict[str, Any] = {field: "other"}
    done = policed.try_execution(f"mislabelled-{field}", by=GATEWAY, labels=label, **spec)
    assert f"cloche.dev/{field} must be the same as spec.{field}" in done.stderr


def test_the_gateways_own_go_their_way(policed: ChartCluster) -> None:
    labels = {"cloche.dev/tenant": "t", "cloche.dev/session": "s"}
    done = policed.try_execution("served", by=GATEWAY, labels=labels, tenant="t", session="s")
    assert done.returncode == 0, done.stderr
    policed("annotate", "sbx/served", "-n", SANDBOXES, "note=seen")
    policed(
        "patch", "sbx/served", "-n", SANDBOXES, "--type=merge", "--subresource=status",
        "--as", OPERATOR, "-p", json.dumps({"status": {"phase": "Running"}}),
    )  # fmt: skip
    policed(
        "patch", "sbx/served", "-n", SANDBOXES, "--type=merge", "--as", OPERATOR,
        "-p", json.dumps({"metadata": {"annotations": {"a": "b"}}}),
    )  # fmt: skip
    policed(
        "patch", "sbx/served", "-n", SANDBOXES, "--type=merge", "--as", GATEWAY,
        "-p", json.dumps({"spec": {"cancel": True}}),
    )  # fmt: skip
    relabelled = policed.run(
        "label", "sbx/served", "-n", SANDBOXES, "--overwrite", "cloche.dev/tenant=victim"
    )
    assert "must be the same as spec.tenant" in relabelled.stderr
    policed("delete", "sbx/served", "-n", SANDBOXES, "--as", GATEWAY)


def test_an_execution_cannot_be_given_to_a_tenant_later(policed: ChartCluster) -> None:
    assert policed.try_execution("late").returncode == 0
    for by in ([], ["--as", GATEWAY]):
        done = policed.run(
            "patch", "sbx/late", "-n", SANDBOXES, "--type=merge", *by,
            "-p", json.dumps({"spec": {"tenant": "victim"}}),
        )  # fmt: skip
        assert done.returncode != 0
        assert "tenant" in done.stderr


def test_other_namespaces_are_not_its_business(policed: ChartCluster) -> None:
    assert policed.try_execution("elsewhere", namespace="default", tenant="t").returncode == 0
