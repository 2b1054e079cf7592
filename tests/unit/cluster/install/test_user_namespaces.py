"""Whether `make up` enables user namespaces, from nodes' reports and probe Pods."""

from __future__ import annotations

from typing import Any

import pytest

from cloche_cluster.install.probe import (
    LABELS,
    Verdict,
    fingerprint,
    handler_of,
    judged,
    open_nodes,
    probe_pods,
    reported,
    unlike,
)
from cloche_cluster.install.user_namespaces import ANNOTATION, remembered, runtime_image

INFO = {
    "kernelVersion": "6.12.1",
    "containerRuntimeVersion": "containerd://2.1.0",
    "kubeletVersion": "v1.36.3",
    "osImage": "Debian GNU/Linux 13",
    "bootID": "changes",
}
WORKS = Verdict("")


def node(
    name: str, handlers: dict[str, bool | None], info: dict[str, str] = INFO, **spec: Any
) -> dict[str, Any]:
    """Return a node with these reports of its runtime handlers; None: no report of features."""
    reported = [
        {"name": handler, **({} if does is None else {"features": {"userNamespaces": does}})}
        for handler, does in handlers.items()
    ]
    status = {"nodeInfo": info, "runtimeHandlers": reported}
    return {"metadata": {"name": name}, "spec": spec, "status": status}


def pod(uid: str = "1", state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    containers = [{"name": "probe", "state": state}] if state else []
    return {"metadata": {"uid": uid}, "status": {"containerStatuses": containers, **status}}


def ended(code: int) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}


def test_the_handler_is_that_of_the_runtime_class_or_the_default() -> None:
    classes = [{"metadata": {"name": "gvisor"}, "handler": "runsc"}]
    assert handler_of("", classes) == ""
    assert handler_of("gvisor", classes) == "runsc"
    assert handler_of("kata", classes) is None


def test_nodes_that_accept_no_sandbox_pods_do_not_count() -> None:
    nodes = [
        node("cordoned", {}, unschedulable=True),
        node("control-plane", {}, taints=[{"key": "control-plane", "effect": "NoSchedule"}]),
        node("draining", {}, taints=[{"key": "out", "effect": "NoExecute"}]),
        node("last-choice", {}, taints=[{"key": "slow", "effect": "PreferNoSchedule"}]),
        node("worker", {}),
    ]
    assert [one["metadata"]["name"] for one in open_nodes(nodes)] == ["last-choice", "worker"]


def test_each_node_must_report_user_namespaces_for_the_handler() -> None:
    both: dict[str, bool | None] = {"": True, "runsc": False}
    assert reported([node("a", both), node("b", both)], "") is None
    assert reported([node("a", both)], "runsc") == Verdict(
        "the container runtime of node a does not support them"
    )
    silent: dict[str, bool | None] = {"": None}
    assert reported([node("a", both), node("b", silent)], "") == Verdict(
        "the container runtime of node b does not support them"
    )
    assert reported([node("a", {})], "") == Verdict(
        "the container runtime of node a does not support them"
    )


def test_user_namespaces_are_off_without_a_node_or_the_runtime_class() -> None:
    assert reported([], "") == Verdict("no node accepts Pods")
    assert reported([node("a", {"": True})], None) == Verdict("the RuntimeClass does not exist")


def test_one_node_of_each_kind_is_probed() -> None:
    other = INFO | {"kernelVersion": "5.15.0"}
    nodes = [node("a", {}), node("b", {}, INFO | {"bootID": "other"}), node("c", {}, other)]
    assert list(unlike(nodes).values()) == ["a", "c"]


def test_the_fingerprint_changes_with_handler_and_node_kinds() -> None:
    one, two = unlike([node("a", {})]), unlike([node("a", {}, INFO | {"osImage": "Ubuntu"})])
    assert fingerprint("", one) == fingerprint("", unlike([node("renamed", {})]))
    assert fingerprint("", [*one, *two]) == fingerprint("", [*two, *one])
    found = {fingerprint("", one), fingerprint("runsc", one), fingerprint("", [*one, *two])}
    assert len(found) == 3


def test_a_probe_pod_is_restricted_and_bound_to_its_node() -> None:
    first, second = probe_pods(["a", "b"], "gvisor", ("cloche/runtime-bash:1", "Never"))
    assert (first["metadata"], first["spec"]["nodeName"]) == (
        {"name": "cloche-probe-0", "labels": LABELS},
        "a",
    )
    assert (second["metadata"]["name"], second["spec"]["nodeName"]) == ("cloche-probe-1", "b")
    spec = first["spec"]
    assert spec["hostUsers"] is False
    assert spec["runtimeClassName"] == "gvisor"
    assert spec["activeDeadlineSeconds"] == 30
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 40_000,
        "runAsGroup": 40_000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    (container,) = spec["containers"]
    assert (container["image"], container["imagePullPolicy"]) == ("cloche/runtime-bash:1", "Never")
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["volumes"][0]["emptyDir"]["medium"] == "Memory"


def test_a_probe_pod_without_a_runtime_class_names_none() -> None:
    (only,) = probe_pods(["a"], "", ("x", "Never"))
    assert "runtimeClassName" not in only["spec"]


@pytest.mark.parametrize(
    ("reported", "verdict"),
    [
        (pod(phase="Succeeded"), WORKS),
        (pod(phase="Pending"), None),
        (pod(phase="Running", state={"running": {}}), None),
        (pod(state={"waiting": {"reason": "ContainerCreating"}}), None),
        (pod(phase="Failed", state=ended(3)), Verdict("the probe Pod ran with the node's users")),
        (
            pod(phase="Failed", state=ended(2)),
            Verdict("the probe Pod did not start: container probe Error"),
        ),
        (
            pod(state={"waiting": {"reason": "RunContainerError", "message": "idmap:\n no"}}),
            Verdict("the probe Pod did not start: container probe RunContainerError idmap: no"),
        ),
        (
            pod(phase="Failed", reason="OutOfcpu", message="not enough cpu"),
            Verdict("the probe Pod did not start: not enough cpu", lasting=False),
        ),
        (
            pod(phase="Failed", reason="DeadlineExceeded", message="was active", state=ended(137)),
            Verdict("the probe Pod did not start: was active", lasting=False),
        ),
    ],
)
def test_the_verdict_follows_the_state_of_a_probe_pod(
    reported: dict[str, Any], verdict: Verdict | None
) -> None:
    assert judged([reported], {}) == verdict


def test_a_probe_pod_whose_sandbox_failed_is_judged_by_its_event() -> None:
    waits = pod(uid="new", phase="Pending")
    assert judged([waits], {"old": "of a Pod before it"}) is None
    refused = Verdict("the probe Pod did not start: mount_setattr: invalid argument")
    assert judged([waits], {"new": "mount_setattr: invalid argument"}) == refused


def test_all_probe_pods_must_succeed_and_one_failure_decides() -> None:
    good, bad, waits = pod(phase="Succeeded"), pod(phase="Failed", state=ended(3)), pod()
    assert judged([good, good], {}) == WORKS
    assert judged([good, waits], {}) is None
    assert judged([good, waits, bad], {}) == Verdict("the probe Pod ran with the node's users")


def test_the_probe_pod_uses_the_charts_image_reference() -> None:
    tags = {"gateway": "1", "runtime-bash": "2", "runtime-python": "3"}
    local = {"image": {"tags": tags}}
    assert runtime_image(local) == ("docker.io/cloche/runtime-bash:2", "Never")
    pulled = {"image": {"tags": tags, "registry": "registry.example.com/team"}}
    reference = "registry.example.com/team/cloche/runtime-bash:2"
    assert runtime_image(pulled) == (reference, "IfNotPresent")


def test_a_verdict_is_remembered_only_for_the_same_nodes() -> None:
    works = {"annotations": {ANNOTATION: "abc"}}
    refused = {"annotations": {ANNOTATION: "abc the probe Pod did not start: no idmap"}}
    assert remembered(works, "abc") == WORKS
    assert remembered(refused, "abc") == Verdict("the probe Pod did not start: no idmap")
    assert remembered(works, "other") is None
    assert remembered({"name": "cloche-system"}, "abc") is None
    assert remembered({}, "abc") is None
