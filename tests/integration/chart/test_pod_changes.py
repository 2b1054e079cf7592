"""The changes to a sandbox Pod that the policies allow, on a real API server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from support.clients.api_server import CLOCHE, CORE, JSON_PATCH, MERGE, ApiServer, api_server
from support.data.sandbox_pods import Pod, changed, cold, metadata, spec, waiting
from support.deadline import until
from support.fixtures.chart.release import ChartRelease
from support.fixtures.fake_cluster import container as container_status

from cloche_api.meta import API_VERSION
from cloche_operator.model.execution import from_object
from cloche_operator.model.pod_manifest import claim_patch, execution_owner

BOTH = pytest.mark.parametrize("namespace", ["sandboxes", "unguarded"], indirect=True)
GUARDED = pytest.mark.parametrize("namespace", ["sandboxes"], indirect=True)


@pytest.fixture(scope="module")
def operator(server: ApiServer, installed: ChartRelease) -> Iterator[ApiServer]:
    """The API server as the operator's account speaks to it."""
    assert server.find(f"{CORE}/{installed.sandboxes}")
    with api_server(installed.kubeconfig, by=installed.operator) as client:
        yield client


@pytest.fixture(scope="module")
def runtimes(server: ApiServer, installed: ChartRelease) -> dict[str, str]:
    """The uid of a runtime in each namespace, who owns Pods that wait."""
    return {
        namespace: server.get(f"{CLOCHE}/{namespace}/sandboxruntimes/python")["metadata"]["uid"]
        for namespace in (installed.sandboxes, installed.unguarded)
    }


@pytest.fixture
def pod(server: ApiServer, runtimes: dict[str, str], namespace: str) -> Pod:
    """A Pod that waits, as the operator made it."""
    name = f"sbx-python-{uuid.uuid4().hex[:6]}"
    made: Pod = server.create(f"{CORE}/{namespace}/pods", waiting(runtimes[namespace], name))
    return made


def path(pod: Pod, subresource: str = "") -> str:
    """Where the Pod is."""
    where = pod["metadata"]
    return f"{CORE}/{where['namespace']}/pods/{where['name']}{subresource}"


def refusal(server: ApiServer, pod: Pod, patch: Any, subresource: str = "") -> str:
    """Why the API server does not take a merge patch; taking it fails the test."""
    answer = server.ask("PATCH", path(pod, subresource), patch, MERGE)
    assert answer.status_code in {403, 422}, answer.text
    message: str = answer.json()["message"]
    return message


def execution(server: ApiServer, namespace: str) -> dict[str, Any]:
    """An execution that is there."""
    made: dict[str, Any] = server.create(
        f"{CLOCHE}/{namespace}/sandboxexecutions",
        {
            "apiVersion": API_VERSION,
            "kind": "SandboxExecution",
            "metadata": {"generateName": "x-"},
            "spec": {"language": "python", "code": "print(1)"},
        },
    )
    return made


@BOTH
def test_a_debug_container_is_rejected_in_a_sandbox_pod(
    installed: ChartRelease, pod: Pod, namespace: str
) -> None:
    done = installed.run(
        "debug", f"pod/{pod['metadata']['name']}", "-n", namespace, "--image=busybox",
        "--profile=restricted", "--", "sh",
    )  # fmt: skip
    assert done.returncode != 0
    assert "spec.ephemeralContainers: must not be added" in done.stderr


@GUARDED
def test_a_debug_container_that_may_trace_is_rejected_by_pod_security(
    installed: ChartRelease, pod: Pod, namespace: str
) -> None:
    done = installed.run(
        "debug", f"pod/{pod['metadata']['name']}", "-n", namespace, "--image=busybox",
        "--profile=general", "--", "sh",
    )  # fmt: skip
    assert done.returncode != 0
    assert "violates PodSecurity" in done.stderr


@BOTH
def test_a_sandbox_pod_cannot_be_resized(server: ApiServer, pod: Pod) -> None:
    limits = {"cpu": "2", "memory": "512Mi", "ephemeral-storage": "64Mi"}
    (container,) = pod["spec"]["containers"]
    more = container | {"resources": container["resources"] | {"limits": limits}}
    words = refusal(server, pod, {"spec": {"containers": [more]}}, "/resize")
    assert "spec.containers[0].resources: must not change" in words


@BOTH
def test_the_image_of_a_sandbox_pod_cannot_change(
    installed: ChartRelease, pod: Pod, namespace: str
) -> None:
    done = installed.run(
        "set", "image", f"pod/{pod['metadata']['name']}", "-n", namespace, "sandbox=evil:1"
    )
    assert done.returncode != 0
    assert "spec.containers[0].image: must not change" in done.stderr


@BOTH
def test_the_deadline_of_a_sandbox_pod_can_only_be_shortened(server: ApiServer, pod: Pod) -> None:
    server.merge(path(pod), {"spec": {"activeDeadlineSeconds": 100}})
    # The API server's own rule.
    for later in (None, 101):
        words = refusal(server, pod, {"spec": {"activeDeadlineSeconds": later}})
        assert "spec.activeDeadlineSeconds" in words
    server.merge(path(pod), {"spec": {"activeDeadlineSeconds": 50}})


@BOTH
@pytest.mark.parametrize(
    "more", [{"operator": "Exists"}, {"key": "node-role.kubernetes.io/master"}, {"key": "gpu"}]
)
def test_no_toleration_can_be_added_to_a_sandbox_pod(
    server: ApiServer, pod: Pod, more: dict[str, str]
) -> None:
    operator = {"operator": "Exists"}
    words = refusal(
        server, pod, {"spec": {"tolerations": [*pod["spec"]["tolerations"], operator | more]}}
    )
    assert "spec.tolerations: must not be added or changed" in words


@BOTH
@pytest.mark.parametrize(
    "name",
    ["io.katacontainers.config.hypervisor.path", "k8s.v1.cni.cncf.io/networks",
     "org.systemd.property.SuccessAction"],
)  # fmt: skip
def test_no_annotation_for_the_container_runtime_can_be_added_to_a_sandbox_pod(
    server: ApiServer, pod: Pod, name: str
) -> None:
    words = refusal(server, pod, {"metadata": {"annotations": {name: "x"}}})
    assert "metadata.annotations: must get none" in words


@BOTH
def test_annotations_and_labels_of_network_plugins_and_users_are_accepted(
    server: ApiServer, pod: Pod
) -> None:
    notes = {
        "cni.projectcalico.org/podIP": "10.0.0.1/32",
        "k8s.v1.cni.cncf.io/network-status": "[]",
        "ovn.kubernetes.io/allocated": "true",
        "example.com/note": "seen",
    }
    server.merge(path(pod), {"metadata": {"annotations": notes, "labels": {"a": "b"}}})
    server.merge(path(pod), {"metadata": {"annotations": dict.fromkeys(notes)}})


@GUARDED
def test_the_operator_can_claim_a_pod_and_the_garbage_collector_can_delete_it(
    server: ApiServer, operator: ApiServer, pod: Pod, namespace: str
) -> None:
    made = execution(server, namespace)
    uid = made["metadata"]["uid"]
    owner = execution_owner(from_object(made))
    labels = {"cloche.dev/execution": uid}
    patch = claim_patch(pod, datetime.now(UTC), 30, labels, owner)
    operator.call("PATCH", path(pod), patch, JSON_PATCH)
    claimed = operator.get(path(pod))
    assert claimed["metadata"]["labels"]["cloche.dev/state"] == "claimed"
    assert [one["uid"] for one in claimed["metadata"]["ownerReferences"]] == [uid]
    assert claimed["spec"]["activeDeadlineSeconds"] > 30
    again = operator.ask("PATCH", path(pod), patch, JSON_PATCH)
    assert again.status_code == 422  # its own test, that the Pod waits
    server.delete(f"{CLOCHE}/{namespace}/sandboxexecutions/{made['metadata']['name']}")
    until(lambda: server.find(path(pod)) is None, "the garbage collector", 60)


@GUARDED
def test_a_sandbox_pod_with_an_owner_can_be_deleted_in_the_foreground(
    server: ApiServer, operator: ApiServer, pod: Pod
) -> None:
    body = {"preconditions": {"uid": pod["metadata"]["uid"]}, "propagationPolicy": "Foreground"}
    operator.call("DELETE", path(pod), body)
    until(lambda: server.find(path(pod)) is None, "the Pod to go", 60)


@pytest.fixture
def node(server: ApiServer, installed: ChartRelease) -> Iterator[str]:
    """A node by name. Nothing runs on it."""
    server.create("/api/v1/nodes", {"metadata": {"name": installed.system}})
    yield installed.system
    server.delete(f"/api/v1/nodes/{installed.system}")


def test_scheduler_kubelet_and_taint_eviction_can_update_a_sandbox_pod(
    server: ApiServer, operator: ApiServer, node: str, installed: ChartRelease
) -> None:
    made = execution(server, installed.sandboxes)
    manifest = cold(made["metadata"]["uid"])
    manifest["metadata"]["ownerReferences"][0]["name"] = made["metadata"]["name"]
    pod = operator.create(f"{CORE}/{installed.sandboxes}/pods", manifest)
    target = {"apiVersion": "v1", "kind": "Node", "name": node}
    name = {"name": pod["metadata"]["name"]}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": name, "target": target}
    server.create(path(pod, "/binding"), binding)
    assert server.get(path(pod))["spec"]["nodeName"] == node

    running = container_status({"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "Running")
    note = {"metadata": {"annotations": {"cni.projectcalico.org/podIP": "10.0.0.1/32"}}}
    server.merge(path(pod, "/status"), {"status": running} | note)
    assert server.get(path(pod))["status"]["phase"] == "Running"

    taint = {"key": "example.com/going", "effect": "NoExecute"}
    server.merge(f"/api/v1/nodes/{node}", {"spec": {"taints": [taint]}})

    def evicted() -> Any:
        found = server.get(path(pod))
        conditions = {one["type"]: one for one in found["status"]["conditions"]}
        return "deletionTimestamp" in found["metadata"] and conditions.get("DisruptionTarget")

    condition = until(evicted, "the eviction", 60)
    assert condition["reason"] == "DeletionByTaintManager"
    # The kubelet's last word.
    server.call("DELETE", path(pod), {"gracePeriodSeconds": 0})
    assert server.find(path(pod)) is None


@GUARDED
def test_a_sandbox_pod_can_be_evicted_with_the_eviction_api(server: ApiServer, pod: Pod) -> None:
    name = {"name": pod["metadata"]["name"]}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": name}
    server.create(path(pod, "/eviction"), eviction)
    until(lambda: server.find(path(pod)) is None, "the Pod to go", 30)


def test_a_pod_created_before_the_policy_can_still_be_claimed(
    server: ApiServer, installed: ChartRelease, runtimes: dict[str, str]
) -> None:
    """An upgrade finds Pods of an older shape: changes are judged, not what there was."""
    bindings = ("validatingadmissionpolicybinding", f"cloche-pods.{installed.unguarded}")
    removed = installed.json("get", *bindings)
    installed("delete", *bindings)
    older = changed(
        waiting(runtimes[installed.unguarded], "sbx-python-older"),
        spec(shareProcessNamespace=True, tolerations=[{"operator": "Exists"}]),
        metadata(annotations={"dev.gvisor.flag.debug": "true"}),
    )

    def created() -> bool:
        return server.ask("POST", f"{CORE}/{installed.unguarded}/pods", older).is_success

    until(created, "the policy to be away", 30)
    pod = server.get(f"{CORE}/{installed.unguarded}/pods/sbx-python-older")
    server.call("PATCH", path(pod), claim_patch(pod, datetime.now(UTC), 30, {"a": "b"}), JSON_PATCH)
    metadata_ = {"name": removed["metadata"]["name"]}
    manifest = {**removed, "metadata": metadata_}
    installed("create", "-f", "-", stdin=json.dumps(manifest))
