"""A SandboxSession as the operator uses it, and its status. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
