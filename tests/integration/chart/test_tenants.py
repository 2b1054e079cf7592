"""Only the gateway sets tenants and sessions, on a real API server."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from support.clients.api_server import CLOCHE, api_server
from support.deadline import until
from support.fixtures.chart.release import ChartRelease

from cloche_api.meta import API_VERSION
from cloche_gateway.requests import manifest

OTHERS = pytest.mark.parametrize("by", [None, "cloche-other", "cloche-gatewayx"])
"""The administrator, and accounts of the release's namespace."""


@pytest.fixture(scope="module")
def policed(installed: ChartRelease) -> ChartRelease:
    """With the policies at work, which takes the API server a moment after they were created."""

    def denied(kind: str, **spec: str) -> bool:
        done = installed.run(
            "create", "--dry-run=server", "-f", "-",
            stdin=json.dumps({
                "apiVersion": API_VERSION, "kind": kind,
                "metadata": {"name": "probe", "namespace": installed.sandboxes},
                "spec": {"language": "python", "tenant": "probe", **spec},
            }),
        )  # fmt: skip
        return done.returncode != 0

    until(lambda: denied("SandboxExecution", code="1"), "the executions' policy", 30)
    until(lambda: denied("SandboxSession"), "the sessions' policy", 30)
    return installed


def test_any_user_may_create_an_execution_without_tenant_and_session(policed: ChartRelease) -> None:
    assert policed.try_execution("plain").returncode == 0


def administrator(cluster: ChartRelease, binding: str, account: str | None) -> str | None:
    """Let an account do everything; its user. None stays None: who may everything already."""
    if account is None:
        return None
    by = cluster.account(account)
    name = f"{binding}-{account}.{cluster.system}"
    cluster("create", "clusterrolebinding", name, "--clusterrole=cluster-admin", f"--user={by}")
    return by


@pytest.mark.parametrize(
    "field", ["tenant", "session", "sessionID", "concurrency", "source", "waitingPod"]
)
@OTHERS
def test_only_the_gateway_may_set_a_reserved_field_of_an_execution(
    policed: ChartRelease, field: str, by: str | None
) -> None:
    by = administrator(policed, f"any-{field}", by)
    values: dict[str, Any] = {
        "concurrency": {"group": "victim", "limit": 1},
        "source": {"name": "victim-0123abcd", "bytes": 1},
        "waitingPod": {"name": "victim", "uid": "uid-of-victim"},
    }
    spec: dict[str, Any] = {field: values.get(field, "victim")}
    if field == "source":
        spec["code"] = None
    done = policed.try_execution(f"forged-{field.lower()}", by=by, **spec)
    assert done.returncode != 0
    assert f"spec.{field}: only Cloche's gateway may set it" in done.stderr
    assert "omit it, or send the program to the gateway with an API key" in done.stderr


@pytest.mark.parametrize("field", ["tenant", "session"])
def test_a_label_that_differs_from_the_executions_field_is_rejected(
    policed: ChartRelease, field: str
) -> None:
    label = {f"cloche.dev/{field}": "victim"}
    done = policed.try_execution(f"labelled-{field}", labels=label)
    assert done.returncode != 0
    assert f"cloche.dev/{field} must be equal to spec.{field}" in done.stderr
    spec: dict[str, Any] = {field: "other"}
    done = policed.try_execution(f"mislabelled-{field}", by=policed.gateway, labels=label, **spec)
    assert f"cloche.dev/{field} must be equal to spec.{field}" in done.stderr


def test_an_execution_of_the_gateway_can_be_created_updated_and_deleted(
    policed: ChartRelease,
) -> None:
    labels = {"cloche.dev/tenant": "t", "cloche.dev/session": "s"}
    done = policed.try_execution(
        "served", by=policed.gateway, labels=labels, tenant="t", session="s"
    )
    assert done.returncode == 0, done.stderr
    policed("annotate", "sbx/served", "-n", policed.sandboxes, "note=seen")
    with api_server(policed.kubeconfig, by=policed.operator) as server:
        path = f"{CLOCHE}/{policed.sandboxes}/sandboxexecutions/served/status"
        server.merge(path, {"status": {"phase": "Running"}})
    policed(
        "patch", "sbx/served", "-n", policed.sandboxes, "--type=merge", "--as", policed.gateway,
        "-p", json.dumps({"spec": {"cancel": True}}),
    )  # fmt: skip
    relabelled = policed.run(
        "label", "sbx/served", "-n", policed.sandboxes, "--overwrite", "cloche.dev/tenant=victim"
    )
    assert "must be equal to spec.tenant" in relabelled.stderr
    policed("delete", "sbx/served", "-n", policed.sandboxes, "--as", policed.gateway)


def test_only_the_gateway_may_use_the_name_of_an_idempotency_key(policed: ChartRelease) -> None:
    keyed, other = manifest.name_for("t", "order-1"), str(uuid.uuid4())
    done = policed.try_execution(keyed)
    assert done.returncode != 0
    assert "metadata.name: UUIDs of version 8" in done.stderr
    assert policed.try_execution(other).returncode == 0
    for name in (keyed, other):
        done = policed.try_execution(
            name, by=policed.gateway, labels={"cloche.dev/tenant": "t"}, tenant="t"
        )
        assert done.returncode == 0 or "already exists" in done.stderr
    # Changes of existing objects remain possible for every account.
    policed("annotate", f"sbx/{keyed}", "-n", policed.sandboxes, "note=seen")


def test_the_tenant_of_an_execution_cannot_be_set_later(policed: ChartRelease) -> None:
    assert policed.try_execution("late").returncode == 0
    for by in ([], ["--as", policed.gateway]):
        done = policed.run(
            "patch", "sbx/late", "-n", policed.sandboxes, "--type=merge", *by,
            "-p", json.dumps({"spec": {"tenant": "victim"}}),
        )  # fmt: skip
        assert done.returncode != 0
        assert "tenant" in done.stderr


def test_any_user_may_create_a_session_without_a_tenant(policed: ChartRelease) -> None:
    assert policed.try_session("plain").returncode == 0


@pytest.mark.parametrize("field", ["tenant", "concurrency"])
@OTHERS
def test_only_the_gateway_may_set_a_reserved_field_of_a_session(
    policed: ChartRelease, field: str, by: str | None
) -> None:
    by = administrator(policed, f"any-{field}-session", by)
    spec: dict[str, Any] = {"tenant": "victim"}
    if field == "concurrency":
        spec = {"concurrency": {"group": "victim", "limit": 1}}
    done = policed.try_session("forged", by=by, **spec)
    assert done.returncode != 0
    assert f"spec.{field}: only Cloche's gateway may set it" in done.stderr
    assert "omit it, or ask the gateway for a session with an API key" in done.stderr


def test_a_label_that_differs_from_the_sessions_tenant_is_rejected(policed: ChartRelease) -> None:
    label = {"cloche.dev/tenant": "victim"}
    for by, spec in ((None, {}), (policed.gateway, {"tenant": "other"})):
        done = policed.try_session("mislabelled", by=by, labels=label, **spec)
        assert done.returncode != 0
        assert "cloche.dev/tenant must be equal to spec.tenant" in done.stderr


def test_gateway_and_operator_have_the_rights_for_a_sessions_life(policed: ChartRelease) -> None:
    done = policed.try_session(
        "sbs-1", by=policed.gateway, labels={"cloche.dev/tenant": "t"}, tenant="t"
    )
    assert done.returncode == 0, done.stderr
    served = ("sbs/sbs-1", "-n", policed.sandboxes)
    as_operator, as_gateway = ("--as", policed.operator), ("--as", policed.gateway)
    policed("get", *served, *as_gateway)
    policed("get", "sbs", "-n", policed.sandboxes, *as_operator)
    ready = {
        "apiVersion": API_VERSION, "kind": "SandboxSession",
        "metadata": {"name": "sbs-1", "namespace": policed.sandboxes},
        "status": {"phase": "Ready", "podName": "p"},
    }  # fmt: skip
    # An apply is one PATCH; `kubectl patch` would read the subresource before.
    write = ("apply", "--server-side", "--force-conflicts", "--subresource=status", "-f", "-")
    refused = policed.run(*write, *as_gateway, stdin=json.dumps(ready))
    assert "forbidden" in refused.stderr
    policed(*write, *as_operator, stdin=json.dumps(ready))
    assert policed.json("get", *served)["status"] == {"phase": "Ready", "podName": "p"}
    created = policed.try_session("sbs-2", by=policed.operator)
    assert "forbidden" in created.stderr
    policed("delete", *served, *as_gateway)
    assert policed.try_session("sbs-2", by=policed.gateway).returncode == 0
    policed("delete", "sbs/sbs-2", "-n", policed.sandboxes, "--wait=false", *as_operator)


def test_the_tenant_of_a_session_cannot_be_set_later(policed: ChartRelease) -> None:
    assert policed.try_session("late").returncode == 0
    done = policed.run(
        "patch", "sbs/late", "-n", policed.sandboxes, "--type=merge",
        "-p", json.dumps({"spec": {"tenant": "victim"}}),
    )  # fmt: skip
    assert done.returncode != 0
    assert "spec may not change once the session exists" in done.stderr


def test_the_policies_pass_the_api_servers_type_check(policed: ChartRelease) -> None:
    """The API server reports fields that the resources do not have in the policy's status."""

    def looked_at() -> list[dict[str, Any]]:
        policies = policed.json("get", "validatingadmissionpolicies")["items"]
        ours = [one for one in policies if one["metadata"]["name"].endswith(f".{policed.system}")]
        return ours if all("typeChecking" in one.get("status", {}) for one in ours) else []

    found = until(looked_at, "the policies' type check", 60)
    assert len(found) == 7
    for policy in found:
        assert policy["status"]["typeChecking"].get("expressionWarnings", []) == []
