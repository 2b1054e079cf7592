"""Decide whether user namespaces work: node reports, probe Pods, their results. Pure functions.

A node's report is not sufficient: the runtime may support them while the kernel or the file system
does not. A version is even less reliable.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_cluster.install.pod_status import reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LABELS = {"app.kubernetes.io/part-of": "cloche", "app.kubernetes.io/component": "probe"}
"""Labels of every probe Pod, by which they are found."""

SECONDS = 30
"""Lifetime of a probe Pod. It starts within one second, unless its image must be pulled."""

_NAME = "cloche-probe"
_USER = 40_000
_FACTS = ("kernelVersion", "containerRuntimeVersion", "kubeletVersion", "osImage")
_NOT_MAPPED = 3
_TRIES = (
    'read -r inside outside rest < /proc/self/uid_map; [ "$outside" != 0 ] || '
    f"exit {_NOT_MAPPED}; : > probe"
)
"""user_namespaces(7): the second number is the outside user of the first inside user. The in-memory
directory must be writable too, which requires the kernel to map its owner."""
_REFUSALS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
"""Waiting reasons of a container that cannot start; the kubelet retries with the same result."""


@dataclass(frozen=True)
class Verdict:
    """`obstacle` is why Pods get no user namespaces; empty if they do.

    `lasting` means that the verdict holds while the nodes stay the same, so that it can be
    remembered.
    """

    obstacle: str
    lasting: bool = True


def handler_of(runtime_class: str, classes: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the handler of a RuntimeClass, "" if no name is given; None if it does not exist."""
    handlers = {one["metadata"]["name"]: str(one["handler"]) for one in classes}
    return handlers.get(runtime_class) if runtime_class else ""


def open_nodes(nodes: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Select the nodes on which a Pod without tolerations can be scheduled."""
    return [node for node in nodes if not _is_closed(node["spec"])]


def _is_closed(spec: Mapping[str, Any]) -> bool:
    keeps_off = ("NoSchedule", "NoExecute")
    tainted = any(taint["effect"] in keeps_off for taint in spec.get("taints", []))
    return tainted or bool(spec.get("unschedulable"))


def reported(nodes: Sequence[Mapping[str, Any]], handler: str | None) -> Verdict | None:
    """Return the obstacle to user namespaces in the nodes' own reports; None if there is none."""
    if handler is None:
        return Verdict("the RuntimeClass does not exist")
    if not nodes:
        return Verdict("no node accepts Pods")
    for node in nodes:
        found = node["status"].get("runtimeHandlers", [])
        features = {one.get("name", ""): one.get("features") or {} for one in found}
        if not features.get(handler, {}).get("userNamespaces"):
            return Verdict(
                f"the container runtime of node {node['metadata']['name']} does not support them"
            )
    return None


def unlike(nodes: Iterable[Mapping[str, Any]]) -> dict[tuple[str, ...], str]:
    """Return the name of one node for each combination of kernel, runtime and system.

    Support depends on these, so a hundred identical nodes need one Pod, not a hundred.
    """
    kinds: dict[tuple[str, ...], str] = {}
    for node in nodes:
        info = node["status"]["nodeInfo"]
        kinds.setdefault(tuple(info[fact] for fact in _FACTS), node["metadata"]["name"])
    return kinds


def fingerprint(handler: str, kinds: Iterable[tuple[str, ...]]) -> str:
    """Return a digest of everything that a verdict depends on."""
    text = json.dumps([_TRIES, handler, sorted(kinds)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def probe_pods(
    nodes: Iterable[str], runtime_class: str, image: tuple[str, str]
) -> list[dict[str, Any]]:
    """Return a Pod for each node, which succeeds if it gets a user namespace.

    `image` is a runtime's image and its pull policy. Each Pod is bound to its node by name, because
    another node's result would be meaningless.
    """
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"{_NAME}-{number}", "labels": LABELS},
            "spec": {"nodeName": node, **_spec(runtime_class, image)},
        }
        for number, node in enumerate(nodes)
    ]


def _spec(runtime_class: str, image: tuple[str, str]) -> dict[str, Any]:
    """Return the relevant parts of a sandbox Pod's spec, valid for Pod Security `restricted`."""
    reference, pull_policy = image
    container = {
        "name": "probe",
        "image": reference,
        "imagePullPolicy": pull_policy,
        "command": ["sh", "-c", _TRIES],
        "workingDir": "/workspace",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "limits": {"cpu": "1", "memory": "64Mi"},
            "requests": {"cpu": "1m", "memory": "1Mi"},
        },
        "volumeMounts": [{"name": "workspace", "mountPath": "/workspace"}],
    }
    return {
        "hostUsers": False,
        **({"runtimeClassName": runtime_class} if runtime_class else {}),
        "restartPolicy": "Never",
        "activeDeadlineSeconds": SECONDS,
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "workspace", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}],
    }


def judged(pods: Sequence[Mapping[str, Any]], warnings: Mapping[str, str]) -> Verdict | None:
    """Return the verdict of the probe Pods; None while one of them is undecided.

    `warnings` maps a Pod's uid to the kubelet's event about its failed sandbox.
    """
    answers = [_answer(pod, warnings.get(pod["metadata"]["uid"])) for pod in pods]
    refusal = next((one for one in answers if one and one.obstacle), None)
    return refusal or (None if None in answers else Verdict(""))


def _answer(pod: Mapping[str, Any], warning: str | None) -> Verdict | None:
    status = pod["status"]
    states = [one["state"] for one in status.get("containerStatuses", [])]
    codes = [state["terminated"]["exitCode"] for state in states if "terminated" in state]
    if status.get("phase") == "Succeeded":
        return Verdict("")
    if status.get("phase") == "Failed" and _NOT_MAPPED in codes:
        return Verdict("the probe Pod ran with the node's users")
    if status.get("phase") == "Failed":
        lasting = bool(codes or warning) and status.get("reason") != "DeadlineExceeded"
        why = warning or status.get("message") or reason(dict(pod))
        return _not_started(why, lasting=lasting)
    if any(state.get("waiting", {}).get("reason") in _REFUSALS for state in states):
        return _not_started(reason(dict(pod)), lasting=True)
    return _not_started(warning, lasting=True) if warning else None


def _not_started(why: str, *, lasting: bool) -> Verdict:
    return Verdict(f"the probe Pod did not start: {' '.join(why.split())}", lasting)
