"""A SandboxSession as the operator uses it, and its status. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cloche_api.resources.session import SessionPhase, SessionSpec
from cloche_operator.model.execution import now, timestamp


@dataclass(frozen=True)
class SessionObject:
    """A parsed SandboxSession."""

    name: str
    uid: str
    created: datetime
    deleted: bool
    spec: SessionSpec
    phase: SessionPhase

    @property
    def tenant(self) -> str:
        """Its tenant; empty if it has none."""
        return self.spec.tenant or ""

    @property
    def end_of_life(self) -> datetime:
        """When it ends even if it is used."""
        return self.created + timedelta(seconds=self.spec.lifetime_seconds)

    def expires_at(self, last_used: datetime) -> datetime:
        """Return when it ends if it is not used after `last_used`."""
        idle = last_used + timedelta(seconds=self.spec.idle_timeout_seconds)
        return min(idle, self.end_of_life)

    def timeout_at(self, time: datetime) -> tuple[str, str]:
        """Return the reason and the message of a session that has expired at this time."""
        if time >= self.end_of_life:
            seconds = self.spec.lifetime_seconds
            return "LifetimeExceeded", f"The session's lifetime of {seconds} s is over."
        seconds = self.spec.idle_timeout_seconds
        return "IdleTimeout", f"The session was not used for {seconds} s."


class SessionEnd(Exception):  # noqa: N818  no error: every session ends
    """Why a session ends: a reason and a message."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def from_object(obj: dict[str, Any]) -> SessionObject:
    """Parse a SandboxSession.

    Raises:
        pydantic.ValidationError: this operator does not support the spec.
    """
    of, status = obj["metadata"], obj.get("status") or {}
    return SessionObject(
        name=of["name"],
        uid=of["uid"],
        created=datetime.fromisoformat(of["creationTimestamp"]),
        deleted="deletionTimestamp" in of,
        spec=SessionSpec.model_validate(obj["spec"]),
        phase=SessionPhase(status.get("phase", SessionPhase.PENDING)),
    )


def status(
    phase: SessionPhase, reason: str, message: str, *, last_used: datetime, expires: datetime
) -> dict[str, Any]:
    """Return the status of a session in this phase. `expires`: when it ends or has ended."""
    return _status(phase, reason, message, expires) | {"lastUsedTime": timestamp(last_used)}


def pod_fields(pod: dict[str, Any], node: str | None) -> dict[str, Any]:
    """Return the fields of a status that name the session's Pod."""
    of = pod["metadata"]
    return {"podName": of["name"], "podUID": of["uid"], "nodeName": node}


def ended_by_replacement(at: datetime) -> dict[str, Any]:
    """Return the final status of a session whose operator was replaced."""
    message = "The operator was replaced; the connection to its Pod went with it."
    return _status(SessionPhase.ENDED, "PodLost", message, at)


def _status(phase: SessionPhase, reason: str, message: str, end: datetime) -> dict[str, Any]:
    ready = {
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
