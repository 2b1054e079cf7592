"""The ends of executions that never run: refused, cancelled, or on a node that cannot run them."""

from __future__ import annotations

from typing import Any, cast

import pytest
from support.fixtures.fake_cluster import FakeCluster, container

from cloche_api.resources.typed_objects import ExecutionDict
from cloche_operator.model.execution import from_object
from cloche_operator.model.pod_manifest import SUPERVISOR


def test_an_execution_in_an_unknown_language_ends_as_unknown_language(
    shared_cluster: FakeCluster,
) -> None:
    shared_cluster.submit("cobol", language="cobol")
    status = shared_cluster.ended("cobol")
    assert (status["phase"], status["reason"]) == ("Error", "UnknownLanguage")
    assert status["message"] == (
        "spec.language: there is no SandboxRuntime for 'cobol'; installed: python"
    )
    assert status["conditions"][0]["type"] == "Finished"
    assert {"queuedTime", "completionTime", "expirationTime"} <= status.keys()


@pytest.mark.parametrize(
    ("name", "resources", "words"),
    [
        ("cpu", {"cpu": 3}, "spec.resources.cpu is 3, the runtime allows at most 2"),
        ("memory", {"memory": "3Gi"}, "spec.resources.memory is 3Gi"),
        ("disk", {"memory": "2Gi", "disk": "2Gi"}, "spec.resources.disk is 2Gi"),
        ("default-memory", {"disk": "600Mi"}, "more than the memory limit 512Mi"),
        ("digits", {"memory": 99_999_999_999_999}, "spec.resources.memory is 99999999999999"),
    ],
)
def test_an_execution_over_the_runtimes_maximum_ends_as_resources_exceed_runtime(
    shared_cluster: FakeCluster, name: str, resources: dict[str, Any], words: str
) -> None:
    shared_cluster.submit(name, resources=resources)
    status = shared_cluster.ended(name)
    assert (status["phase"], status["reason"]) == ("Error", "ResourcesExceedRuntime")
    assert words in status["message"]


def test_the_operator_creates_and_claims_the_pod_of_an_execution(
    shared_cluster: FakeCluster,
) -> None:
    uid = shared_cluster.submit(
        "shape", language="PY", resources={"memory": "256Mi"}, timeoutSeconds=7
    )
    pod = shared_cluster.pod(uid)
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("SandboxExecution", "shape", uid)
    assert owner["controller"] is True
    spec, (sandbox,) = pod["spec"], pod["spec"]["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["activeDeadlineSeconds"] == 60 + 7 + 9 + 60
    assert 40_000 <= spec["securityContext"]["runAsUser"] <= 49_999
    assert sandbox["command"] == SUPERVISOR
    assert sandbox["resources"]["limits"]["memory"] == "256Mi"
    assert (sandbox["stdin"], sandbox["stdinOnce"]) == (True, True)
    status = shared_cluster.claimed("shape")
    assert status["phase"] == "Running"
    assert (status["podName"], status["podUID"]) == (
        pod["metadata"]["name"],
        pod["metadata"]["uid"],
    )
    assert status["resources"] == {"cpu": "1", "memory": "256Mi", "disk": "100Mi"}
    assert status["runtimeGeneration"] == 1
    assert status["warm"] is False
    found = shared_cluster.server.get(f"{shared_cluster.executions}/shape")
    execution = from_object(cast("ExecutionDict", found))
    assert execution.claimed
    shared_cluster.cancel("shape")
    shared_cluster.ended("shape")
    shared_cluster.no_pod(uid)


def test_two_pods_never_have_the_same_user(shared_cluster: FakeCluster) -> None:
    names = [f"user-{n}" for n in range(5)]
    uids = [shared_cluster.submit(name) for name in names]
    users = {shared_cluster.pod(uid)["spec"]["securityContext"]["runAsUser"] for uid in uids}
    assert len(users) == 5
    for name in names:
        shared_cluster.cancel(name)
    for name, uid in zip(names, uids, strict=True):
        shared_cluster.ended(name)
        shared_cluster.no_pod(uid)


@pytest.mark.parametrize(
    ("name", "said", "reason", "words"),
    [
        (
            "image",
            container({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling"}}),
            "ImagePullFailed",
            "The image cloche/runtime-python:dev cannot be pulled: Back-off pulling",
        ),
        (
            "config",
            container({"waiting": {"reason": "CreateContainerConfigError", "message": "no user"}}),
            "ContainerStartFailed",
            "The container cannot start: no user",
        ),
        (
            "no-python",
            container(
                {
                    "terminated": {
                        "reason": "StartError",
                        "exitCode": 128,
                        "message": 'exec: "python3": not found',
                    }
                },
                phase="Failed",
            ),
            "ContainerStartFailed",
            'exec: "python3": not found',
        ),
        (
            "no-supervisor",
            container({"terminated": {"reason": "Error", "exitCode": 1}}, phase="Failed"),
            "ProtocolError",
            "Does the image contain the supervisor?",
        ),
        (
            "evicted",
            {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."},
            "PodEvicted",
            "The node was low on memory.",
        ),
        (
            "refused",
            {"phase": "Failed", "reason": "OutOfmemory", "message": "not enough memory"},
            "PodFailed",
            "not enough memory",
        ),
        (
            "drained",
            {
                "conditions": [
                    {
                        "type": "DisruptionTarget",
                        "status": "True",
                        "reason": "EvictionByEvictionAPI",
                        "message": "Eviction API: evicting",
                    }
                ]
            },
            "PodEvicted",
            "Eviction API: evicting",
        ),
    ],
)
def test_a_failure_reported_by_the_kubelet_ends_the_execution_with_its_reason(
    shared_cluster: FakeCluster, name: str, said: dict[str, Any], reason: str, words: str
) -> None:
    uid = shared_cluster.submit(name)
    shared_cluster.write_pod_status(uid, said)
    status = shared_cluster.ended(name)
    assert (status["phase"], status["reason"]) == ("Error", reason)
    assert words in status["message"]
    shared_cluster.no_pod(uid)


def test_an_execution_whose_pod_is_deleted_ends_as_pod_deleted(shared_cluster: FakeCluster) -> None:
    uid = shared_cluster.submit("by-hand")
    shared_cluster.claimed("by-hand")
    shared_cluster.server.delete(f"{shared_cluster.pods}/sbx-{uid}")
    status = shared_cluster.ended("by-hand")
    assert (status["phase"], status["reason"]) == ("Error", "PodDeleted")


def test_a_cancelled_execution_ends_as_cancelled_and_its_pod_is_deleted(
    shared_cluster: FakeCluster,
) -> None:
    uid = shared_cluster.submit("cancel")
    shared_cluster.claimed("cancel")
    shared_cluster.cancel("cancel")
    status = shared_cluster.ended("cancel")
    assert (status["phase"], status["reason"]) == ("Cancelled", "Cancelled")
    shared_cluster.no_pod(uid)


def test_an_execution_created_with_cancel_gets_no_pod(shared_cluster: FakeCluster) -> None:
    uid = shared_cluster.submit("born-cancelled", cancel=True)
    assert shared_cluster.ended("born-cancelled")["reason"] == "Cancelled"
    assert shared_cluster.server.find(f"{shared_cluster.pods}/sbx-{uid}") is None


@pytest.mark.parametrize("claimed", [False, True])
def test_deleting_an_execution_deletes_its_pod(shared_cluster: FakeCluster, claimed: bool) -> None:  # noqa: FBT001  a case
    name = f"deleted-{claimed}".lower()
    uid = shared_cluster.submit(name)
    shared_cluster.pod(uid)
    if claimed:
        shared_cluster.claimed(name)
    shared_cluster.server.delete(f"{shared_cluster.executions}/{name}")
    shared_cluster.no_pod(uid)
    assert shared_cluster.server.find(f"{shared_cluster.executions}/{name}") is None


def test_executions_deleted_right_after_creation_leave_no_pods(shared_cluster: FakeCluster) -> None:
    uids = []
    for n in range(10):
        uids.append(shared_cluster.submit(f"brief-{n}"))
        shared_cluster.server.delete(f"{shared_cluster.executions}/brief-{n}")
    shared_cluster.submit("after-them")
    shared_cluster.claimed("after-them")
    for uid in uids:
        shared_cluster.no_pod(uid)
    shared_cluster.cancel("after-them")
    shared_cluster.ended("after-them")


def test_the_record_of_a_failed_pod_names_its_node(shared_cluster: FakeCluster) -> None:
    uid = shared_cluster.submit("bound")
    shared_cluster.bind(uid)
    shared_cluster.write_pod_status(
        uid, container({"waiting": {"reason": "ImagePullBackOff", "message": "no"}})
    )
    shared_cluster.finish_pod_deletion(uid)
    status = shared_cluster.ended("bound")
    assert (status["reason"], status["nodeName"]) == ("ImagePullFailed", shared_cluster.namespace)
