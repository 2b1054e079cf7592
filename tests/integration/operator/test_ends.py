"""The ends of executions that never run: refused, cancelled, or on a node that cannot run them."""

from __future__ import annotations

from typing import Any

import pytest
from support.stage import Stage, container

from cloche_operator.model.execution import from_object
from cloche_operator.model.pod_manifest import SUPERVISOR


def test_an_unknown_language(shared: Stage) -> None:
    shared.submit("cobol", language="cobol")
    status = shared.ended("cobol")
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
def test_more_than_the_runtime_allows(
    shared: Stage, name: str, resources: dict[str, Any], words: str
) -> None:
    shared.submit(name, resources=resources)
    status = shared.ended(name)
    assert (status["phase"], status["reason"]) == ("Error", "ResourcesExceedRuntime")
    assert words in status["message"]


def test_the_pod_is_made_and_claimed(shared: Stage) -> None:
    uid = shared.submit("shape", language="PY", resources={"memory": "256Mi"}, timeoutSeconds=7)
    pod = shared.pod(uid)
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
    status = shared.claimed("shape")
    assert status["phase"] == "Running"
    assert (status["podName"], status["podUID"]) == (
        pod["metadata"]["name"],
        pod["metadata"]["uid"],
    )
    assert status["resources"] == {"cpu": "1", "memory": "256Mi", "disk": "100Mi"}
    assert status["runtimeGeneration"] == 1
    assert status["warm"] is False
    execution = from_object(shared.server.get(f"{shared.executions}/shape"))
    assert execution.claimed
    shared.cancel("shape")
    shared.ended("shape")
    shared.no_pod(uid)


def test_two_pods_never_have_the_same_user(shared: Stage) -> None:
    names = [f"user-{n}" for n in range(5)]
    uids = [shared.submit(name) for name in names]
    users = {shared.pod(uid)["spec"]["securityContext"]["runAsUser"] for uid in uids}
    assert len(users) == 5
    for name in names:
        shared.cancel(name)
    for name, uid in zip(names, uids, strict=True):
        shared.ended(name)
        shared.no_pod(uid)


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
def test_what_the_kubelet_says(
    shared: Stage, name: str, said: dict[str, Any], reason: str, words: str
) -> None:
    uid = shared.submit(name)
    shared.say(uid, said)
    status = shared.ended(name)
    assert (status["phase"], status["reason"]) == ("Error", reason)
    assert words in status["message"]
    shared.no_pod(uid)


def test_a_pod_deleted_by_hand(shared: Stage) -> None:
    uid = shared.submit("by-hand")
    shared.claimed("by-hand")
    shared.server.delete(f"{shared.pods}/sbx-{uid}")
    status = shared.ended("by-hand")
    assert (status["phase"], status["reason"]) == ("Error", "PodDeleted")


def test_cancel(shared: Stage) -> None:
    uid = shared.submit("cancel")
    shared.claimed("cancel")
    shared.cancel("cancel")
    status = shared.ended("cancel")
    assert (status["phase"], status["reason"]) == ("Cancelled", "Cancelled")
    shared.no_pod(uid)


def test_cancelled_before_anybody_saw_it(shared: Stage) -> None:
    uid = shared.submit("born-cancelled", cancel=True)
    assert shared.ended("born-cancelled")["reason"] == "Cancelled"
    assert shared.server.find(f"{shared.pods}/sbx-{uid}") is None


@pytest.mark.parametrize("claimed", [False, True])
def test_deletion(shared: Stage, claimed: bool) -> None:  # noqa: FBT001  a case
    name = f"deleted-{claimed}".lower()
    uid = shared.submit(name)
    shared.pod(uid)
    if claimed:
        shared.claimed(name)
    shared.server.delete(f"{shared.executions}/{name}")
    shared.no_pod(uid)
    assert shared.server.find(f"{shared.executions}/{name}") is None


def test_deleted_at_once(shared: Stage) -> None:
    uids = []
    for n in range(10):
        uids.append(shared.submit(f"brief-{n}"))
        shared.server.delete(f"{shared.executions}/brief-{n}")
    shared.submit("after-them")
    shared.claimed("after-them")
    for uid in uids:
        shared.no_pod(uid)
    shared.cancel("after-them")
    shared.ended("after-them")


def test_the_node_is_in_the_record(shared: Stage) -> None:
    uid = shared.submit("bound")
    shared.bind(uid)
    shared.say(uid, container({"waiting": {"reason": "ImagePullBackOff", "message": "no"}}))
    shared.bury(uid)
    status = shared.ended("bound")
    assert (status["reason"], status["nodeName"]) == ("ImagePullFailed", shared.namespace)
