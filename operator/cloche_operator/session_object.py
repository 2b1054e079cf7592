"""A SandboxSession as the operator works on it, and its status as it is written. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloche_api.session import SessionPhase, SessionSpec
from cloche_operator.execution import now, timestamp


@dataclass(frozen=True)
class SessionObject:
    """One SandboxSession, read from its object."""

    name: str
    uid: str
    created: datetime
    deleted: bool
    spec: SessionSpec
    phase: SessionPhase

    @property
    def tenant(self) -> str:
        """Whose it is; empty when nobody's."""
        return self.spec.tenant or ""


def from_object(obj: dict[str, Any]) -> SessionObject:
    """Read a SandboxSession.

    Raises:
        pydantic.ValidationError: the spec is not one that this operator understands.
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
    """The status of a session in this phase. `expires`: when it ends, or has ended."""
    return _status(phase, reason, message, expires) | {"lastUsedTime": timestamp(last_used)}


def ended_by_replacement(at: datetime) -> dict[str, Any]:
    """The final status of a session whose operator is no more."""
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
