"""Report which Pods of a namespace are not ready, and why: state, events, last log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_cluster.errors import CommandError

if TYPE_CHECKING:
    from cloche_cluster.kubectl import Kubectl

_LOG_LINES = 8
_EVENTS = 3


def diagnose(kubectl: Kubectl, namespace: str) -> list[str]:
    """Return lines about every Pod that is not ready. Never raises CommandError."""
    try:
        pods = kubectl.json("get", "pods", "-n", namespace)["items"]
        lines: list[str] = []
        for pod in pods:
            if not is_ready(pod):
                name = pod["metadata"]["name"]
                lines.append(f"Pod {name}: {reason(pod)}")
                lines += _events(kubectl, namespace, name)
                lines += _log(kubectl, namespace, name)
    except CommandError as error:
        return [f"the Pods cannot be read: {error}"]
    else:
        return lines or [f"no Pod in {namespace} reports a problem"]


def is_ready(pod: dict[str, Any]) -> bool:
    """Return whether the Pod's Ready condition is true, or it has succeeded."""
    status = pod.get("status", {})
    if status.get("phase") == "Succeeded":
        return True
    return any(
        one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", [])
    )


def reason(pod: dict[str, Any]) -> str:
    """Return briefly why the Pod is not ready: a container's state, else a condition."""
    status = pod.get("status", {})
    for container in status.get("containerStatuses", []):
        for state in ("waiting", "terminated"):
            found = container.get("state", {}).get(state)
            if found:
                words = (found.get("reason", state), found.get("message", ""))
                return f"container {container['name']} {' '.join(words).strip()}"
    for condition in status.get("conditions", []):
        if condition["status"] != "True" and condition.get("message"):
            return f"{condition['type']} is {condition['status']}: {condition['message']}"
    return str(status.get("phase", "unknown"))


def _events(kubectl: Kubectl, namespace: str, pod: str) -> list[str]:
    selector = f"involvedObject.name={pod},type=Warning"
    events = kubectl.json("get", "events", "-n", namespace, "--field-selector", selector)["items"]
    return [f"    event {event['reason']}: {event['message']}" for event in events[-_EVENTS:]]


def _log(kubectl: Kubectl, namespace: str, pod: str) -> list[str]:
    words = ("logs", "-n", namespace, pod, "--all-containers", f"--tail={_LOG_LINES}")
    for previous in ((), ("--previous",)):
        try:
            text = kubectl.run(*words, *previous)
        except CommandError:
            continue
        if text.strip():
            return [f"    log: {line}" for line in text.splitlines()[-_LOG_LINES:]]
    return []
