"""The policies on executions, tombstones and sources, on a real API server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from support.deadline import until
from support.fixtures.chart.release import ChartRelease

from cloche_api.meta import API_VERSION

EXECUTION = {"language": "python", "code": "print(1)"}
RUNTIME = {"image": "a/b:c", "fileName": "main.py", "run": {"command": ["python3", "main.py"]}}


def create(
    cluster: ChartRelease, kind: str, spec: dict[str, Any], *args: str, **metadata: Any
) -> subprocess.CompletedProcess[str]:
    manifest = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"namespace": cluster.sandboxes, "generateName": "made-", **metadata},
        "spec": spec,
    }
    return cluster.run("create", *args, "-f", "-", stdin=json.dumps(manifest))


def tombstone(cluster: ChartRelease, by: str | None = None, **metadata: Any) -> Any:
    spec = {"requestSHA256": "a" * 64, "expirationTime": "2036-01-01T00:00:00Z"}
    args = ("--as", by) if by else ()
    return create(cluster, "SandboxTombstone", spec, *args, **metadata)


def source(cluster: ChartRelease, name: str, by: str | None = None, **metadata: Any) -> Any:
    """Create the source of this name, impersonating `by` if given."""
    spec = {"execution": name.rpartition("-")[0], "tenant": "acme", "code": "print(1)"}
    args = ("--as", by) if by else ()
    return create(cluster, "SandboxSource", spec, *args, name=name, **metadata)


@pytest.fixture(scope="module")
def policed(installed: ChartRelease) -> ChartRelease:
    """With the policies at work, which takes the API server a moment after they were created."""
    probes: dict[str, Callable[[], Any]] = {
        "namespaces": lambda: create(
            installed, "SandboxExecution", EXECUTION, "--dry-run=server", namespace="default"
        ),
        "finalizers": lambda: create(
            installed, "SandboxExecution", EXECUTION, "--dry-run=server", finalizers=["a.b/c"]
        ),
        "tombstones": lambda: tombstone(installed),
        "sources": lambda: source(installed, "probe-01"),
    }
    for what, probe in probes.items():
        until(lambda probe=probe: probe().returncode != 0, f"the policy on {what}", 30)  # type: ignore[misc]  # bound now
    return installed


def test_a_source_outside_a_sandbox_namespace_is_rejected(policed: ChartRelease) -> None:
    """No program would delete it."""
    done = source(policed, "left-01", policed.gateway, namespace="default")
    assert done.returncode != 0
    assert source(policed, "left-01", namespace="default").returncode != 0


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("SandboxExecution", EXECUTION),
        ("SandboxSession", {"language": "python"}),
        ("SandboxRuntime", RUNTIME),
    ],
)
def test_an_execution_or_session_outside_a_sandbox_namespace_is_rejected(
    policed: ChartRelease, kind: str, spec: dict[str, Any]
) -> None:
    done = create(policed, kind, spec, namespace="default")
    assert done.returncode != 0
    words = " ".join(done.stderr.split())
    # Of several installations any may answer: each has this policy for the whole cluster.
    assert "no Cloche operator works in default; use " in words
    assert "or one with the label cloche.dev/installation" in words
    assert create(policed, kind, spec).returncode == 0


def test_the_namespace_of_another_installation_accepts_executions(policed: ChartRelease) -> None:
    others = f"{policed.system}-others"
    policed("create", "namespace", others)
    refused = create(policed, "SandboxExecution", EXECUTION, namespace=others)
    assert "no Cloche operator works in" in refused.stderr
    policed("label", "namespace", others, "cloche.dev/installation=others-system")

    def taken() -> bool:
        args = ("--dry-run=server",)
        return (
            create(policed, "SandboxExecution", EXECUTION, *args, namespace=others).returncode == 0
        )

    until(taken, "the label to be known", 30)


def test_an_existing_sandbox_namespace_must_have_the_installation_label(
    policed: ChartRelease,
) -> None:
    bare = f"{policed.system}-bare"
    policed("create", "namespace", bare)
    policed("label", "namespace", bare, "pod-security.kubernetes.io/enforce=restricted")
    words = policed.second_in(bare)
    command = f"kubectl label namespace {bare} cloche.dev/installation={policed.system}"
    assert command in words


@pytest.mark.parametrize(
    ("kind", "spec"), [("SandboxExecution", EXECUTION), ("SandboxSession", {"language": "python"})]
)
def test_a_finalizer_cannot_be_created_or_added(
    policed: ChartRelease, kind: str, spec: dict[str, Any]
) -> None:
    done = create(policed, kind, spec, finalizers=["example.com/mine"])
    assert "metadata.finalizers: none may be added" in done.stderr
    made = create(policed, kind, spec, "-o", "name")
    patch = json.dumps({"metadata": {"finalizers": ["example.com/mine"]}})
    done = policed.run(
        "patch", made.stdout.strip(), "-n", policed.sandboxes, "--type=merge", "-p", patch
    )
    assert "metadata.finalizers: none may be added" in done.stderr
    policed("delete", made.stdout.strip(), "-n", policed.sandboxes, "--cascade=foreground")


def test_only_gateway_and_operator_create_tombstones_and_only_the_operator_deletes(
    policed: ChartRelease,
) -> None:
    refused = tombstone(policed, name="forged")
    assert "only Cloche's gateway and operator may create a SandboxTombstone" in refused.stderr
    for by, name in ((policed.gateway, "purged"), (policed.operator, "retained")):
        assert tombstone(policed, by, name=name).returncode == 0
        changed = policed.run(
            "patch", "sbt", name, "-n", policed.sandboxes, "--type=merge",
            "-p", json.dumps({"spec": {"expirationTime": "2046-01-01T00:00:00Z"}}),
        )  # fmt: skip
        assert changed.returncode != 0
    kept = policed.run("delete", "sbt", "purged", "-n", policed.sandboxes, "--as", policed.gateway)
    assert "forbidden" in kept.stderr
    for name in ("purged", "--all"):
        kept = policed.run("delete", "sbt", name, "-n", policed.sandboxes)
        assert "only Cloche's operator may delete a SandboxTombstone" in kept.stderr
    policed("delete", "sbt", "purged", "-n", policed.sandboxes, "--as", policed.operator)
    held = tombstone(policed, policed.gateway, finalizers=["example.com/mine"])
    assert "metadata.finalizers: must not be set" in held.stderr


def test_a_user_with_all_rights_in_the_namespace_cannot_create_or_delete_a_tombstone(
    policed: ChartRelease,
) -> None:
    assert tombstone(policed, policed.gateway, name="of-a-key").returncode == 0
    space = ("-n", policed.sandboxes)
    policed("create", "role", "all", "--verb=*", "--resource=sandboxtombstones.cloche.dev", *space)
    policed("create", "rolebinding", "all", "--role=all", "--user=mallory", *space)
    forged = tombstone(policed, "mallory", name="forged")
    assert "only Cloche's gateway and operator may create a SandboxTombstone" in forged.stderr
    removed = policed.run("delete", "sbt", "of-a-key", *space, "--as", "mallory")
    assert "only Cloche's operator may delete a SandboxTombstone" in removed.stderr
    assert policed.json("get", "sbt", "of-a-key", *space)


def test_the_policy_does_not_apply_to_tombstones_of_another_installation(
    policed: ChartRelease,
) -> None:
    others = f"{policed.system}-theirs"
    policed("create", "namespace", others)
    assert tombstone(policed, name="theirs", namespace=others).returncode == 0
    policed("delete", "sbt", "theirs", "-n", others)


def test_the_namespace_controller_can_delete_tombstones(policed: ChartRelease) -> None:
    """Deleted by the controller of namespaces, which the policy lets do it."""
    assert tombstone(policed, policed.gateway, name="in-the-way").returncode == 0
    who = ("--as", "system:serviceaccount:kube-system:namespace-controller")
    group = ("--as-group", "system:serviceaccounts:kube-system")
    masters = ("--as-group", "system:masters")
    policed("delete", "sbt", "in-the-way", "-n", policed.sandboxes, *who, *group, *masters)


def test_only_the_gateway_creates_sources(policed: ChartRelease) -> None:
    space = ("-n", policed.sandboxes)
    only = "only Cloche's gateway may create a SandboxSource"
    assert only in source(policed, "forged-01").stderr
    assert "forbidden" in source(policed, "forged-01", policed.operator).stderr
    assert source(policed, "sent-01", policed.gateway).returncode == 0
    labelled = policed.run("label", "sbxsrc", "sent-01", *space, "mine=yes")
    assert only in labelled.stderr
    held = source(policed, "held-01", policed.gateway, finalizers=["example.com/mine"])
    assert "metadata.finalizers: must not be set" in held.stderr


def test_only_gateway_operator_and_namespace_controller_delete_sources(
    policed: ChartRelease,
) -> None:
    """An execution fails that has lost it."""
    space = ("-n", policed.sandboxes)
    for name in ("of-gateway-01", "of-operator-01", "of-controller-01"):
        assert source(policed, name, policed.gateway).returncode == 0
    for which in ("of-controller-01", "--all"):
        kept = policed.run("delete", "sbxsrc", which, *space)
        assert "only Cloche's gateway and operator may delete a SandboxSource" in kept.stderr
    policed("delete", "sbxsrc", "of-gateway-01", *space, "--as", policed.gateway)
    policed("delete", "sbxsrc", "of-operator-01", *space, "--as", policed.operator)
    assert policed.json("get", "sbxsrc", "of-controller-01", *space)
    as_controller = (
        "--as", "system:serviceaccount:kube-system:namespace-controller",
        "--as-group", "system:serviceaccounts:kube-system", "--as-group", "system:masters",
    )  # fmt: skip
    policed("delete", "sbxsrc", "of-controller-01", *space, *as_controller)


def test_a_user_with_all_rights_in_the_namespace_cannot_write_a_source(
    policed: ChartRelease,
) -> None:
    assert source(policed, "victims-01", policed.gateway).returncode == 0
    space, as_mallory = ("-n", policed.sandboxes), ("--as", "mallory")
    kinds = "--resource=sandboxsources.cloche.dev,sandboxexecutions.cloche.dev"
    policed("create", "role", "sources", "--verb=*", kinds, *space)
    policed("create", "rolebinding", "sources", "--role=sources", "--user=mallory", *space)
    assert "only Cloche's gateway" in source(policed, "forged-02", "mallory").stderr
    changed = policed.run("label", "sbxsrc", "victims-01", "mine=yes", *space, *as_mallory)
    assert "only Cloche's gateway" in changed.stderr
    removed = policed.run("delete", "sbxsrc", "victims-01", *space, *as_mallory)
    assert "only Cloche's gateway and operator may delete" in removed.stderr
    reference = {"name": "victims-01", "bytes": 1}
    spec = {"language": "python", "source": reference}
    run = create(policed, "SandboxExecution", spec, *as_mallory, name="victims")
    assert "spec.source: only Cloche's gateway may set it" in run.stderr
    plain = create(policed, "SandboxExecution", EXECUTION, *as_mallory, name="victims")
    assert plain.returncode == 0
    added = json.dumps({"spec": {"source": reference, "code": None}})
    run = policed.run("patch", "sbx", "victims", *space, *as_mallory, "--type=merge", "-p", added)
    assert "spec.code may not change once the execution exists" in run.stderr
