"""An execution as the operator uses it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from cloche_api.accounting.size import object_bytes
from cloche_api.meta import ANNOTATION_REQUEST_ID, ANNOTATION_REQUEST_SHA256, SESSION_PREFIX
from cloche_api.resources.amounts import UsedResources
from cloche_api.resources.execution import ExecutionSpec
from cloche_api.resources.phases import TERMINAL, Phase

if TYPE_CHECKING:
    from cloche_api.resources.typed_dicts import ExecutionStatusDict
    from cloche_api.resources.typed_objects import ExecutionDict

_OF_THE_PROGRAM: dict[str, Any] = {
    "code": None,
    "args": None,
    "stdin": None,
    "environment": None,
    "files": None,
    "output_files": None,
}
"""The fields that only the program needs and that may be large."""


@dataclass(frozen=True)
class Execution:
    """A parsed SandboxExecution."""

    name: str
    uid: str
    resource_version: str
    created: datetime
    deleted: bool
    spec: ExecutionSpec
    """Without the fields that only the program needs, such as code and files: `Source` has them."""
    size: int
    """Bytes of the complete spec in etcd, without its SandboxSource."""
    request_id: str | None
    """The ID of the HTTP request that created it."""
    request_sha256: str | None
    """The hash of the request, if it came with an Idempotency-Key."""
    phase: Phase
    pod_name: str | None
    pod_uid: str | None
    queued_time: datetime | None
    claimed_time: datetime | None
    resources: UsedResources | None
    """The limits of the Pod that was claimed for it."""
    offered: bool
    """Whether the Pod is the one that the gateway has named (`spec.waitingPod`), without a claim in
    the status. Only that Pod may have got the input."""

    @property
    def ended(self) -> bool:
        """Whether its phase is terminal."""
        return self.phase in TERMINAL

    @property
    def claimed(self) -> bool:
        """Whether one Pod alone may have got the input: it was claimed, or the gateway named it."""
        return self.pod_uid is not None

    @property
    def source_size(self) -> int:
        """Bytes of its SandboxSource in etcd; 0 if it has none."""
        return self.spec.source.bytes if self.spec.source else 0

    @property
    def stored_size(self) -> int:
        """Bytes of it and its source in etcd, before it has a result."""
        return self.size + self.source_size

    @property
    def in_session(self) -> bool:
        """Whether it runs in a SandboxSession; other values of `session` only group executions."""
        return (self.spec.session or "").startswith(SESSION_PREFIX)

    @property
    def tenant(self) -> str:
        """Its tenant; empty if it has none."""
        return self.spec.tenant or ""

    def with_status(self, status: ExecutionStatusDict, resource_version: str) -> Execution:
        """Return a copy with another status, as the object is after the write."""
        of_status = _of_status(status, self.spec)
        return replace(self, resource_version=resource_version, **of_status)


class _OfStatus(TypedDict):
    """The attributes of an Execution that its status determines, with `spec.waitingPod`."""

    phase: Phase
    pod_name: str | None
    pod_uid: str | None
    queued_time: datetime | None
    claimed_time: datetime | None
    resources: UsedResources | None
    offered: bool


def from_object(obj: ExecutionDict) -> Execution:
    """Parse a SandboxExecution.

    Raises:
        pydantic.ValidationError: this operator does not support the spec.
    """
    return with_spec(obj)[0]


def with_spec(obj: ExecutionDict) -> tuple[Execution, ExecutionSpec]:
    """Parse a SandboxExecution, and return it with its complete spec.

    Raises:
        pydantic.ValidationError: this operator does not support the spec.
    """
    meta = obj["metadata"]
    spec = ExecutionSpec.model_validate(obj["spec"])
    annotations = meta.get("annotations", {})
    execution = Execution(
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        created=datetime.fromisoformat(meta["creationTimestamp"]),
        deleted="deletionTimestamp" in meta,
        spec=spec.model_copy(update=_OF_THE_PROGRAM),
        size=object_bytes(obj["spec"]),
        request_id=annotations.get(ANNOTATION_REQUEST_ID),
        request_sha256=annotations.get(ANNOTATION_REQUEST_SHA256),
        **_of_status(obj.get("status") or {}, spec),
    )
    return execution, spec


def own_pod_name(uid: str) -> str:
    """Return the name of an execution's or a session's own Pod: only one can exist at a time."""
    return f"sbx-{uid}"


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def timestamp(time: datetime) -> str:
    """Format a time as Kubernetes' MicroTime: RFC 3339 with microseconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def time_of(text: str | None) -> datetime | None:
    """Parse a time of a status; None stays None."""
    return None if text is None else datetime.fromisoformat(text)


def _of_status(status: ExecutionStatusDict, spec: ExecutionSpec) -> _OfStatus:
    phase: str = status.get("phase", Phase.PENDING)
    resources = status.get("resources")
    name, uid = status.get("podName"), status.get("podUID")
    offered = uid is None and not status.get("waitingPodRefused", False)
    offer = spec.waiting_pod if offered else None
    if offer is not None:
        name, uid = offer.name, offer.uid
    return {
        "phase": Phase(phase),
        "pod_name": name,
        "pod_uid": uid,
        "queued_time": time_of(status.get("queuedTime")),
        "claimed_time": time_of(status.get("claimedTime")),
        "resources": UsedResources.model_validate(resources) if resources else None,
        "offered": offer is not None,
    }
