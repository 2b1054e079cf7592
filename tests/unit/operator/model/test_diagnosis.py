"""Statuses as the kubelet, the scheduler and the controllers write them, and their meaning."""

from __future__ import annotations

from typing import Any

import pytest

from cloche_api.resources.phases import Reason
from cloche_operator.model.diagnosis import (
    end_unheard,
    gone_unheard,
    has_terminated,
    start_problem,
    start_timeout,
)

STARTED_AT = "2026-01-02T03:04:06Z"
FINISHED_AT = "2026-01-02T03:04:09Z"


def pod(status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "sbx-1", "uid": "1", **metadata},
        "spec": {"containers": [{"name": "sandbox", "image": "cloche/runtime-python:abc"}]},
        "status": status,
    }


def container(state: dict[str, Any], phase: str = "Pending", **more: Any) -> dict[str, Any]:
    """A status whose container is in this state."""
    return {
        "phase": phase,
        "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {
                "type": "ContainersReady",
                "status": "False",
                "reason": "ContainersNotReady",
                "message": "containers with unready status: [sandbox]",
            },
        ],
        "containerStatuses": [
            {
                "name": "sandbox",
                "image": "cloche/runtime-python:abc",
                "imageID": "",
                "lastState": {},
                "ready": False,
                "restartCount": 0,
                "started": False,
                "state": state,
            }
        ],
        "qosClass": "Burstable",
        **more,
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return container({"waiting": {"reason": reason, "message": message}})


def terminated(reason: str, code: int, phase: str = "Failed", **more: Any) -> dict[str, Any]:
    return container(
        {
            "terminated": {
                "containerID": "containerd://0123",
                "exitCode": code,
                "reason": reason,
                "startedAt": STARTED_AT,
                "finishedAt": FINISHED_AT,
                **more,
            }
        },
        phase=phase,
    )


def disrupted(reason: str, message: str) -> dict[str, Any]:
    status = terminated("Error", 137)
    status["conditions"].append(
        {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": FINISHED_AT,
        }
    )
    return status


NOT_SCHEDULED = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient memory.",
        }
    ],
}
EVICTED = {
    "phase": "Failed",
    "reason": "Evicted",
    "message": "The node was low on resource: memory.",
    "startTime": STARTED_AT,
}
REFUSED = {
    "phase": "Failed",
    "reason": "OutOfcpu",
    "message": "Pod was rejected: Node didn't have enough resource: cpu",
    "startTime": STARTED_AT,
}
DEADLINE = {
    "phase": "Failed",
    "reason": "DeadlineExceeded",
    "message": "Pod was active on the node longer than the specified deadline",
}
NODE_LOST = {
    "phase": "Running",
    "reason": "NodeLost",
    "message": "Node n which was running pod sbx-1 is unresponsive",
}
START_ERROR = terminated(
    "StartError",
    128,
    message='exec: "python3": executable file not found in $PATH',
)


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (
            waiting("ImagePullBackOff", 'Back-off pulling image "cloche/runtime-python:abc"'),
            Reason.IMAGE_PULL_FAILED,
            "The image cloche/runtime-python:abc cannot be pulled: Back-off",
        ),
        (waiting("InvalidImageName", "couldn't parse"), Reason.IMAGE_PULL_FAILED, "couldn't parse"),
        (waiting("ErrImageNeverPull"), Reason.IMAGE_PULL_FAILED, "ErrImageNeverPull"),
        (
            waiting(
                "CreateContainerConfigError",
                "container has runAsNonRoot and image will run as root",
            ),
            Reason.CONTAINER_START_FAILED,
            "image will run as root",
        ),
        (
            waiting("CreateContainerError", "context deadline exceeded"),
            Reason.CONTAINER_START_FAILED,
            "deadline",
        ),
        (waiting("RunContainerError", "runc: …"), Reason.CONTAINER_START_FAILED, "runc"),
        (EVICTED, Reason.POD_EVICTED, "low on resource: memory"),
        (REFUSED, Reason.POD_FAILED, "enough resource: cpu"),
        (NODE_LOST, Reason.NODE_LOST, "unresponsive"),
        (
            disrupted("TerminationByKubelet", "Pod was terminated in response to imminent node …"),
            Reason.POD_EVICTED,
            "terminated in response",
        ),
    ],
)
def test_a_pod_that_cannot_start_is_diagnosed_with_its_reason(
    status: dict[str, Any], reason: Reason, words: str
) -> None:
    problem = start_problem(pod(status))
    assert problem is not None
    assert (problem.reason, words in problem.message) == (reason, True)


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (START_ERROR, Reason.CONTAINER_START_FAILED, "python3"),
        (
            terminated("ContainerCannotRun", 127, message="no such file"),
            Reason.CONTAINER_START_FAILED,
            "no such file",
        ),
        (
            terminated("Error", 1),
            Reason.PROTOCOL_ERROR,
            "Does the image contain the supervisor?",
        ),
        (
            terminated("Completed", 0, phase="Succeeded"),
            Reason.PROTOCOL_ERROR,
            "exit code 0 before it started the program",
        ),
    ],
)
def test_a_container_that_ended_before_its_program_is_diagnosed(
    status: dict[str, Any], reason: Reason, words: str
) -> None:
    problem = end_unheard(pod(status), started=False)
    assert (problem.reason, words in problem.message) == (reason, True)
    assert start_problem(pod(status)) is None


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"phase": "Pending"},
        NOT_SCHEDULED,
        waiting("ContainerCreating"),
        waiting("PodInitializing"),
        waiting("ErrImagePull", "connection reset"),  # the kubelet retries
        container({"running": {"startedAt": STARTED_AT}}, phase="Running"),
        container({}),
    ],
)
def test_a_pod_that_may_still_start_has_no_problem(status: dict[str, Any]) -> None:
    assert start_problem(pod(status)) is None
    assert not has_terminated(pod(status))


def test_a_pod_that_is_being_deleted_will_not_start() -> None:
    problem = start_problem(pod({"phase": "Pending"}, deletionTimestamp=FINISHED_AT))
    assert problem is not None
    assert problem.reason is Reason.POD_DELETED


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (None, Reason.START_TIMEOUT, "within 60 s: the node has reported nothing"),
        ({}, Reason.START_TIMEOUT, "the node has reported nothing"),
        (NOT_SCHEDULED, Reason.UNSCHEDULABLE, "1 Insufficient memory."),
        (waiting("ContainerCreating"), Reason.START_TIMEOUT, "ContainerCreating"),
        (waiting("ErrImagePull", "no such host"), Reason.IMAGE_PULL_FAILED, "no such host"),
    ],
)
def test_a_start_timeout_is_diagnosed_from_the_pods_status(
    status: dict[str, Any] | None, reason: Reason, words: str
) -> None:
    ended = start_timeout(None if status is None else pod(status), 60.0)
    assert (ended.reason, words in ended.message) == (reason, True)


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (terminated("OOMKilled", 137), Reason.OUT_OF_MEMORY, "exceeded its memory limit"),
        (terminated("Error", 137), Reason.RESULT_LOST, "exit code 137"),
        # reported by a node for a container that was lost when the node crashed
        (terminated("Unknown", 255), Reason.RESULT_LOST, "exit code 255"),
        (terminated("ContainerStatusUnknown", 137), Reason.RESULT_LOST, "exit code 137"),
        (EVICTED, Reason.POD_EVICTED, "low on resource"),
        (DEADLINE, Reason.SUPERVISOR_HUNG, "longer than the specified deadline"),
        (NODE_LOST, Reason.NODE_LOST, "unresponsive"),
        (disrupted("PreemptionByScheduler", "preempting"), Reason.POD_EVICTED, "preempting"),
        (disrupted("EvictionByEvictionAPI", "Eviction API"), Reason.POD_EVICTED, "Eviction API"),
        (disrupted("DeletionByTaintManager", "Taint manager"), Reason.NODE_LOST, "Taint manager"),
        (disrupted("DeletionByPodGC", "PodGC: node not found"), Reason.NODE_LOST, "PodGC"),
        (disrupted("SomethingNew", "of a later Kubernetes"), Reason.POD_EVICTED, "later"),
    ],
)
def test_the_end_of_a_pod_without_an_exit_event_is_diagnosed(
    status: dict[str, Any], reason: Reason, words: str
) -> None:
    assert has_terminated(pod(status)) is (status is not NODE_LOST)
    ended = end_unheard(pod(status), started=True)
    assert (ended.reason, words in ended.message) == (reason, True)


def test_a_missing_pod_is_diagnosed_as_deleted() -> None:
    assert gone_unheard(None).reason is Reason.POD_DELETED


def test_a_deleted_pod_is_distinguished_from_an_evicted_one() -> None:
    by_hand = pod(terminated("Error", 137), deletionTimestamp=FINISHED_AT)
    evicted = pod(disrupted("EvictionByEvictionAPI", "…"), deletionTimestamp=FINISHED_AT)
    assert end_unheard(by_hand, started=True).reason is Reason.POD_DELETED
    assert end_unheard(evicted, started=True).reason is Reason.POD_EVICTED


def test_out_of_memory_is_the_reason_even_if_the_pod_was_deleted_afterwards() -> None:
    killed = pod(terminated("OOMKilled", 137), deletionTimestamp=FINISHED_AT)
    assert end_unheard(killed, started=True).reason is Reason.OUT_OF_MEMORY
