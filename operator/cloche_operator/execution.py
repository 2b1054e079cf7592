"""An execution as the operator works on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from cloche_api.amounts import UsedResources
from cloche_api.execution import ExecutionSpec
from cloche_api.meta import ANNOTATION_REQUEST_ID, ANNOTATION_REQUEST_SHA256
from cloche_api.phases import TERMINAL, Phase
from cloche_api.size import object_bytes

_OF_THE_PROGRAM: dict[str, Any] = {
    "code": None,
    "args": None,
    "stdin": None,
    "environment": None,
    "files": None,
    "output_files": None,
}
"""The fields that the program alone needs, and that may be large."""


@dataclass(frozen=True)
class Execution:
    """One SandboxExecution, read from its object."""

    name: str
    uid: str
    resource_version: str
    created: datetime
    deleted: bool
    spec: ExecutionSpec
    """Without what the program alone needs, which `Source` has: code, input, files and the like."""
    size: int
    """Bytes that the whole spec takes in etcd, without its SandboxSource."""
    request_id: str | None
    """Of the HTTP request that it came with."""
    request_sha256: str | None
    """Of what was asked for, where it came with an Idempotency-Key."""
    phase: Phase
    pod_name: str | None
    pod_uid: str | None
    queued_time: datetime | None
    claimed_time: datetime | None
    resources: UsedResources | None
    """The limits of the Pod that was claimed for it."""

    @property
    def ended(self) -> bool:
        """Whether its phase is terminal."""
        return self.phase in TERMINAL

    @property
    def claimed(self) -> bool:
        """Whether a Pod was claimed for it: its input may have been handed over."""
        return self.pod_uid is not None

    @property
    def source_size(self) -> int:
        """Bytes that its SandboxSource takes in etcd; 0 where it has none."""
        return self.spec.source.bytes if self.spec.source else 0

    @property
    def stored_size(self) -> int:
        """Bytes that it takes in etcd with its source, before it has a result."""
        return self.size + self.source_size

    @property
    def tenant(self) -> str:
        """Whose it is; empty when nobody's."""
        return self.spec.tenant or ""

    def with_status(self, status: dict[str, Any], resource_version: str) -> Execution:
        """The same with another status, as its object is once that is written."""
        return replace(self, resource_version=resource_version, **_of_status(status))


def from_object(obj: dict[str, Any]) -> Execution:
    """Read a SandboxExecution.

    Raises:
        pydantic.ValidationError: the spec is not one that this operator understands.
    """
    return with_spec(obj)[0]


def with_spec(obj: dict[str, Any]) -> tuple[Execution, ExecutionSpec]:
    """Read a SandboxExecution and its whole spec.

    Raises:
        pydantic.ValidationError: the spec is not one that this operator understands.
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
        **_of_status(obj.get("status") or {}),
    )
    return execution, spec


def now() -> datetime:
    """The time of day, UTC."""
    return datetime.now(UTC)


def timestamp(time: datetime) -> str:
    """RFC 3339 with microseconds, Kubernetes' MicroTime."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def time_of(text: str | None) -> datetime | None:
    """A time of a status; None where it has none."""
    return None if text is None else datetime.fromisoformat(text)


def _of_status(status: dict[str, Any]) -> dict[str, Any]:
    resources = status.get("resources")
    return {
        "phase": Phase(status.get("phase", Phase.PENDING)),
        "pod_name": status.get("podName"),
        "pod_uid": status.get("podUID"),
        "queued_time": time_of(status.get("queuedTime")),
        "claimed_time": time_of(status.get("claimedTime")),
        "resources": UsedResources.model_validate(resources) if resources else None,
    }
