"""A SandboxSession as the operator uses it, and its status. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cloche_api.resources.session import (
    IDLE_TIMEOUT,
    LIFETIME_EXCEEDED,
    SessionPhase,
    SessionSpec,
)
from cloche_operator.model.execution import now, timestamp

if TYPE_CHECKING:
    from cloche_api.resources.typed_dicts import ConditionDict, SessionStatusDict
    from cloche_api.resources.typed_objects import SessionDict
    from cloche_operator.model.pod import Pod


@dataclass(frozen=True)
class SessionObject:
    """A parsed SandboxSession."""

    name: str
    uid: str
    deleted: bool
    spec: SessionSpec
    phase: SessionPhase
    generation: int = 0
    """The metadata.generation, which a change of the spec increases."""

    @property
    def tenant(self) -> str:
        """Its tenant; empty if it has none."""
        return self.spec.tenant or ""

    def end_of_life(self, ready: datetime) -> datetime:
        """Return when it ends even if it is used. `ready`: when its Pod could run programs."""
        return ready + timedelta(seconds=self.spec.lifetime_seconds)

    def expires_at(self, ready: datetime, last_used: datetime) -> datetime:
        """Return when it ends if it is not used after `last_used`."""
        idle = last_used + timedelta(seconds=self.spec.idle_timeout_seconds)
        return min(idle, self.end_of_life(ready))

    def timeout_at(self, ready: datetime, time: datetime) -> tuple[str, str]:
        """Return the reason and the message of a session that has expired at this time."""
        if time >= self.end_of_life(ready):
            seconds = self.spec.lifetime_seconds
            return LIFETIME_EXCEEDED, f"The session's lifetime of {seconds} s is over."
        seconds = self.spec.idle_timeout_seconds
        return IDLE_TIMEOUT, f"The session was not used for {seconds} s."


class SessionEnd(Exception):  # noqa: N818  no error: every session ends
    """Why a session ends: a reason and a message."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def from_object(obj: SessionDict) -> SessionObject:
    """Parse a SandboxSession.

    Raises:
        pydantic.ValidationError: this operator does not support the spec.
    """
    of = obj["metadata"]
    status: SessionStatusDict = obj.get("status") or {}
    phase: str = status.get("phase", SessionPhase.PENDING)
    return SessionObject(
        name=of["name"],
        uid=of["uid"],
        deleted="deletionTimestamp" in of,
        spec=SessionSpec.model_validate(obj["spec"]),
        phase=SessionPhase(phase),
        generation=of.get("generation", 0),
    )


def status(
    phase: SessionPhase, reason: str, message: str, *, last_used: datetime, expires: datetime
) -> SessionStatusDict:
    """Return the status of a session in this phase. `expires`: when it ends or has ended."""
    return {**_status(phase, reason, message, expires), "lastUsedTime": timestamp(last_used)}


def pod_fields(pod: Pod, node: str | None) -> SessionStatusDict:
    """Return the fields of a status that name the session's Pod."""
    fields: SessionStatusDict = {"podName": pod.name, "podUID": pod.uid}
    if node is not None:
        fields["nodeName"] = node
    return fields


def ended_by_replacement(at: datetime) -> SessionStatusDict:
    """Return the final status of a session whose operator was replaced."""
    message = "The operator was replaced, which closed the connection to the session's Pod."
    return _status(SessionPhase.ENDED, "PodLost", message, at)


def _status(phase: SessionPhase, reason: str, message: str, end: datetime) -> SessionStatusDict:
    ready: ConditionDict = {
        "type": "Ready",
        "status": "True" if phase is SessionPhase.READY else "False",
        "reason": reason,
        "message": message,
        "lastTransitionTime": now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {
        "phase": phase,
        "reason": reason,
        "message": message,
        "expiresAt": timestamp(end),
        "conditions": [ready],
    }
