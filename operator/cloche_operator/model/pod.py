"""A Pod as the operator uses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cloche_api import meta
from cloche_api.resources import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloche_api.resources.metadata import OwnerReference
    from cloche_operator.model.pod_types import (
        ContainerStateDict,
        PodConditionDict,
        PodDict,
        PodSpec,
        PodStatusDict,
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a Pod. A reason or message that it lacks is empty."""

    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A container that has not started. A reason or message that it lacks is empty."""

    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Terminated:
    """A container that has ended. A reason or message that it lacks is empty."""

    exit_code: int | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PodStatus:
    """What the kubelet and the controllers report. Texts that they did not set are empty."""

    phase: str
    reason: str
    message: str
    conditions: tuple[Condition, ...]
    waiting: Waiting | None
    """The state of the container, if it waits."""
    running: bool
    """Whether the container runs."""
    terminated: Terminated | None
    """The state of the container, if it has ended."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A parsed Pod: the fields that the operator uses, and none of the others."""

    name: str
    uid: str
    resource_version: str
    created: datetime
    being_deleted: bool
    labels: Mapping[str, str]
    owners: tuple[OwnerReference, ...]
    node: str | None
    """The name of its node, once it has one."""
    user: int | None
    """The UID that it runs as."""
    image: str
    overhead: int | None
    """Bytes that its RuntimeClass adds to its memory, if it has one with an overhead."""
    status: PodStatus

    @property
    def runtime(self) -> str:
        """The name of its SandboxRuntime; empty without one."""
        return self.labels.get(meta.LABEL_RUNTIME, "")

    @property
    def has_ended(self) -> bool:
        """Whether its phase is final. The kubelet reports that only once no container runs."""
        return self.status.phase in ("Succeeded", "Failed")

    @property
    def waits(self) -> bool:
        """Whether its labels show it as a waiting Pod of a pool."""
        return self.labels.get(meta.LABEL_STATE) == meta.STATE_WAITING


def from_object(obj: PodDict) -> Pod:
    """Parse a Pod."""
    of, spec = obj["metadata"], obj["spec"]
    containers = spec.get("containers")
    security = spec.get("securityContext")
    return Pod(
        name=of["name"],
        uid=of["uid"],
        resource_version=of.get("resourceVersion", ""),
        created=datetime.fromisoformat(of["creationTimestamp"]),
        being_deleted="deletionTimestamp" in of,
        labels=of.get("labels", {}),
        owners=tuple(of.get("ownerReferences", ())),
        node=spec.get("nodeName"),
        user=security.get("runAsUser") if security else None,
        image=containers[0]["image"] if containers else "",
        overhead=_overhead(spec),
        status=_status(obj.get("status", {})),
    )


def _overhead(spec: PodSpec) -> int | None:
    overhead = spec.get("overhead")
    return quantity.whole(overhead.get("memory", 0)) if overhead else None


def _status(status: PodStatusDict) -> PodStatus:
    containers = status.get("containerStatuses")
    state: ContainerStateDict = containers[0].get("state", {}) if containers else {}
    waiting, terminated = state.get("waiting"), state.get("terminated")
    return PodStatus(
        phase=status.get("phase", ""),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        conditions=tuple(map(_condition, status.get("conditions", ()))),
        waiting=None
        if waiting is None
        else Waiting(waiting.get("reason", ""), waiting.get("message", "")),
        running="running" in state,
        terminated=None
        if terminated is None
        else Terminated(
            terminated.get("exitCode"), terminated.get("reason", ""), terminated.get("message", "")
        ),
    )


def _condition(of: PodConditionDict) -> Condition:
    return Condition(of["type"], of["status"], of.get("reason", ""), of.get("message", ""))
