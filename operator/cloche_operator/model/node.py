"""The capacity of the sandbox nodes. Pure.

A node counts if the scheduler would place the Pod on it: it is ready, not cordoned, has the
selected labels and no taint that the Pod does not tolerate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_api.resources import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_REPELS = frozenset({"NoSchedule", "NoExecute"})
_DEFAULT_PODS = 110
"""For a node that does not report it: the kubelet's `maxPods` (k8s.io/kubelet)."""
_ALWAYS_TOLERATED = "node.kubernetes.io/memory-pressure"
"""Kubernetes adds this toleration to Pods with requests (TaintNodesByCondition)."""


@dataclass(frozen=True)
class Node:
    """The relevant properties of a ready node."""

    memory: int
    """Allocatable bytes."""
    cpu: int
    """Allocatable millicores."""
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...]
    pods: int = _DEFAULT_PODS
    """Allocatable Pods."""

    def takes(self, selector: Mapping[str, str], tolerations: Iterable[Mapping[str, Any]]) -> bool:
        """Return whether the scheduler would consider the node for a Pod with these fields."""
        selected = all(self.labels.get(key) == value for key, value in selector.items())
        return selected and all(
            taint["key"] == _ALWAYS_TOLERATED or any(_tolerates(t, taint) for t in tolerations)
            for taint in self.taints
        )


def ready_nodes(objects: Iterable[dict[str, Any]]) -> list[Node]:
    """Return the nodes on which Pods can start. `objects`: nodes from the API server."""
    return [
        Node(
            memory=quantity.whole(obj["status"]["allocatable"]["memory"]),
            cpu=int(quantity.parse(obj["status"]["allocatable"].get("cpu", 0)) * 1000),
            labels=obj["metadata"].get("labels") or {},
            taints=tuple(
                taint for taint in obj["spec"].get("taints") or [] if taint["effect"] in _REPELS
            ),
            pods=quantity.whole(obj["status"]["allocatable"].get("pods", _DEFAULT_PODS)),
        )
        for obj in objects
        if not obj["spec"].get("unschedulable") and _is_ready(obj)
    ]


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, str]) -> bool:
    """Return whether the toleration matches the taint.

    The rules are those of ToleratesTaint (k8s.io/component-helpers/scheduling/corev1).
    """
    effect, key = toleration.get("effect"), toleration.get("key")
    if (effect and effect != taint["effect"]) or (key and key != taint["key"]):
        return False
    if (toleration.get("operator") or "Equal") == "Exists":
        return True
    return bool(key) and (toleration.get("value") or "") == (taint.get("value") or "")


def _is_ready(obj: dict[str, Any]) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in obj["status"].get("conditions", [])
    )
