"""Explains a Pod's status: why its program did not start, or why its end is unknown. Pure."""

from __future__ import annotations

from typing import Any

from cloche_api.resources.phases import Reason
from cloche_operator.model.status import EndedError

# The kubelet's reasons for a waiting container (pkg/kubelet/images and kuberuntime). ErrImagePull
# is not one of them, because the kubelet retries once more before it reports ImagePullBackOff.
_NO_IMAGE = frozenset({"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_NO_START = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "PreCreateHookError",
    }
)
_UNUSABLE_INPUT = 2
"""The supervisor's exit code (docs/design/protocol.md, Exit codes of the supervisor)."""

# Reasons of a Pod's DisruptionTarget condition (k8s.io/api/core/v1).
_DISRUPTIONS = {
    "PreemptionByScheduler": Reason.POD_EVICTED,
    "EvictionByEvictionAPI": Reason.POD_EVICTED,
    "TerminationByKubelet": Reason.POD_EVICTED,
    "DeletionByTaintManager": Reason.NODE_LOST,
    "DeletionByPodGC": Reason.NODE_LOST,
}

# Values of a Pod's status.reason, as set by the kubelet and the controllers.
_POD_REASONS = {
    "Evicted": (Reason.POD_EVICTED, "The Pod was evicted"),
    "NodeLost": (Reason.NODE_LOST, "The node that the Pod ran on is lost"),
    "DeadlineExceeded": (
        Reason.SUPERVISOR_HUNG,
        "The Pod ran into activeDeadlineSeconds without a result",
    ),
}


def start_problem(pod: dict[str, Any]) -> EndedError | None:
    """Return why the Pod will never start, or None. If its container has run, read its log."""
    if gone := _gone(pod):
        return gone
    waiting = _container_state(pod).get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _NO_IMAGE:
        image = pod["spec"]["containers"][0]["image"]
        return EndedError(
            Reason.IMAGE_PULL_FAILED, f"The image {image} cannot be pulled: {message or reason}"
        )
    if reason in _NO_START:
        return EndedError(
            Reason.CONTAINER_START_FAILED, f"The container cannot start: {message or reason}"
        )
    return None


def lacks_node(pod: dict[str, Any]) -> bool:
    """Return whether the scheduler has reported that no node accepts the Pod now."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    return _unscheduled(pod) is not None


def start_timeout(pod: dict[str, Any] | None, seconds: float) -> EndedError:
    """Return why the Pod has not started in time, as far as its status shows."""
    words = _unscheduled(pod or {})
    if words is not None:
        return EndedError(
            Reason.UNSCHEDULABLE, f"No node took the Pod within {seconds:g} s: {words}"
        )
    waiting = _container_state(pod or {}).get("waiting", {})
    seen = waiting.get("message") or waiting.get("reason") or "no word from the node"
    if waiting.get("reason") == "ErrImagePull":
        return EndedError(Reason.IMAGE_PULL_FAILED, f"The image cannot be pulled: {seen}")
    return EndedError(Reason.START_TIMEOUT, f"The Pod did not start within {seconds:g} s: {seen}")


def is_leaving(pod: dict[str, Any]) -> bool:
    """Return whether the Pod is dead or is being removed."""
    return has_terminated(pod) or _gone(pod) is not None


def is_waiting(pod: dict[str, Any]) -> bool:
    """Return whether the kubelet reports that the container has not started yet."""
    return "waiting" in _container_state(pod)


def has_terminated(pod: dict[str, Any]) -> bool:
    """Return whether the kubelet has reported that the container is dead."""
    return "terminated" in _container_state(pod) or pod.get("status", {}).get("phase") in (
        "Failed",
        "Succeeded",
    )


def refused_its_input(pod: dict[str, Any]) -> bool:
    """Return whether the exit code is the supervisor's code for an unusable input.

    It proves that the program of the last frame was not started. No other code proves that.
    """
    code = _container_state(pod).get("terminated", {}).get("exitCode")
    return bool(code == _UNUSABLE_INPUT)


def has_run(pod: dict[str, Any]) -> bool:
    """Return whether the kubelet has ever reported that the container was started."""
    return "running" in _container_state(pod) or has_terminated(pod)


def gone_unheard(last: dict[str, Any] | None) -> EndedError:
    """Return why a Pod no longer exists, from its last known status."""
    return (last and _gone(last)) or EndedError(Reason.POD_DELETED, "The Pod was deleted.")


def end_unheard(pod: dict[str, Any], *, started: bool) -> EndedError:
    """Return why the supervisor's stream ended without a result, while the Pod still exists."""
    terminated = _container_state(pod).get("terminated", {})
    if terminated.get("reason") == "OOMKilled":
        return EndedError(
            Reason.OUT_OF_MEMORY, "The program was killed for using more than its memory."
        )
    return _gone(pod) or _died(terminated, started=started)


def _died(terminated: dict[str, Any], *, started: bool) -> EndedError:
    """Return why the container ended by itself before the supervisor reported a result."""
    if terminated.get("reason") in ("StartError", "ContainerCannotRun"):
        return EndedError(
            Reason.CONTAINER_START_FAILED,
            f"The container cannot start: {terminated.get('message', '')}",
        )
    code = terminated.get("exitCode")
    if not started:
        return EndedError(
            Reason.PROTOCOL_ERROR,
            f"The container ended with exit code {code} before it started the program: "
            "is the supervisor in the image?",
        )
    return EndedError(
        Reason.RESULT_LOST, f"The container ended with exit code {code} and left no result."
    )


def _gone(pod: dict[str, Any]) -> EndedError | None:
    """Return what removed the Pod, if anything: a disruption, its node, its deadline or a user."""
    status = pod.get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "DisruptionTarget" and condition["status"] == "True":
            reason = _DISRUPTIONS.get(condition.get("reason", ""), Reason.POD_EVICTED)
            return EndedError(reason, f"The Pod was taken away: {condition.get('message', '')}")
    if known := _POD_REASONS.get(status.get("reason", "")):
        reason, words = known
        return EndedError(reason, f"{words}: {status.get('message') or 'no more is known'}")
    if "deletionTimestamp" in pod["metadata"]:
        return EndedError(Reason.POD_DELETED, "The Pod was deleted.")
    if status.get("phase") == "Failed" and status.get("reason"):
        words = status.get("message") or status["reason"]
        return EndedError(Reason.POD_FAILED, f"The kubelet refused the Pod: {words}")
    return None


def _unscheduled(pod: dict[str, Any]) -> str | None:
    """Return why no node accepts the Pod, in the scheduler's words, or None."""
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message", ""))
    return None


def _container_state(pod: dict[str, Any]) -> dict[str, Any]:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    state: dict[str, Any] = statuses[0].get("state", {}) if statuses else {}
    return state
