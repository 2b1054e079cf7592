"""Explains a Pod's status: why its program did not start, or why its end is unknown. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_api.resources.phases import Reason
from cloche_operator.model.status import EndedError

if TYPE_CHECKING:
    from cloche_operator.model.pod import Pod, Terminated

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
        "The Pod reached activeDeadlineSeconds without a result",
    ),
}


def start_problem(pod: Pod) -> EndedError | None:
    """Return why the Pod will never start, or None. If its container has run, read its log."""
    if gone := _gone(pod):
        return gone
    if (waiting := pod.status.waiting) is None:
        return None
    words = waiting.message or waiting.reason
    if waiting.reason in _NO_IMAGE:
        return _no_image(pod, words)
    if waiting.reason in _NO_START:
        return EndedError(Reason.CONTAINER_START_FAILED, f"The container cannot start: {words}")
    return None


def _no_image(pod: Pod, words: str) -> EndedError:
    return EndedError(Reason.IMAGE_PULL_FAILED, f"The image {pod.image} cannot be pulled: {words}")


def lacks_node(pod: Pod) -> bool:
    """Return whether the scheduler has reported that no node accepts the Pod now."""
    return not pod.being_deleted and _unscheduled(pod) is not None


def start_timeout(pod: Pod | None, seconds: float) -> EndedError:
    """Return why the Pod has not started in time, as far as its status shows."""
    words = None if pod is None else _unscheduled(pod)
    if words is not None:
        return EndedError(
            Reason.UNSCHEDULABLE, f"No node accepted the Pod within {seconds:g} s: {words}"
        )
    waiting = None if pod is None else pod.status.waiting
    seen = (waiting and (waiting.message or waiting.reason)) or "the node has reported nothing"
    if pod is not None and waiting is not None and waiting.reason == "ErrImagePull":
        return _no_image(pod, seen)
    return EndedError(Reason.START_TIMEOUT, f"The Pod did not start within {seconds:g} s: {seen}")


def is_leaving(pod: Pod) -> bool:
    """Return whether the Pod is dead or is being removed."""
    return has_terminated(pod) or _gone(pod) is not None


def is_waiting(pod: Pod) -> bool:
    """Return whether the kubelet reports that the container has not started yet."""
    return pod.status.waiting is not None


def has_terminated(pod: Pod) -> bool:
    """Return whether the kubelet has reported that the container is dead."""
    return pod.status.terminated is not None or pod.status.phase in ("Failed", "Succeeded")


def refused_its_input(pod: Pod) -> bool:
    """Return whether the exit code is the supervisor's code for an unusable input.

    It proves that the program of the last frame was not started. No other code proves that.
    """
    terminated = pod.status.terminated
    return terminated is not None and terminated.exit_code == _UNUSABLE_INPUT


def has_run(pod: Pod) -> bool:
    """Return whether the kubelet has ever reported that the container was started."""
    return pod.status.running or has_terminated(pod)


def gone_unheard(last: Pod | None) -> EndedError:
    """Return why a Pod no longer exists, from its last known status."""
    return (last and _gone(last)) or EndedError(Reason.POD_DELETED, "The Pod was deleted.")


def end_unheard(pod: Pod, *, started: bool) -> EndedError:
    """Return why the supervisor's stream ended without a result, while the Pod still exists."""
    terminated = pod.status.terminated
    if terminated is not None and terminated.reason == "OOMKilled":
        return EndedError(
            Reason.OUT_OF_MEMORY, "The program was killed because it exceeded its memory limit."
        )
    return _gone(pod) or _died(terminated, started=started)


def _died(terminated: Terminated | None, *, started: bool) -> EndedError:
    """Return why the container ended by itself before the supervisor reported a result."""
    if terminated is not None and terminated.reason in ("StartError", "ContainerCannotRun"):
        return EndedError(
            Reason.CONTAINER_START_FAILED, f"The container cannot start: {terminated.message}"
        )
    code = None if terminated is None else terminated.exit_code
    if not started:
        return EndedError(
            Reason.PROTOCOL_ERROR,
            f"The container ended with exit code {code} before it started the program. "
            "Does the image contain the supervisor?",
        )
    return EndedError(
        Reason.RESULT_LOST, f"The container ended with exit code {code} and returned no result."
    )


def _gone(pod: Pod) -> EndedError | None:
    """Return what removed the Pod, if anything: a disruption, its node, its deadline or a user."""
    status = pod.status
    for condition in status.conditions:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            reason = _DISRUPTIONS.get(condition.reason, Reason.POD_EVICTED)
            return EndedError(reason, f"The Pod was removed: {condition.message}")
    if known := _POD_REASONS.get(status.reason):
        reason, words = known
        return EndedError(reason, f"{words}: {status.message or 'no details'}")
    if pod.being_deleted:
        return EndedError(Reason.POD_DELETED, "The Pod was deleted.")
    if status.phase == "Failed" and status.reason:
        words = status.message or status.reason
        return EndedError(Reason.POD_FAILED, f"The kubelet rejected the Pod: {words}")
    return None


def _unscheduled(pod: Pod) -> str | None:
    """Return why no node accepts the Pod, in the scheduler's words, or None."""
    for condition in pod.status.conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            return condition.message
    return None
