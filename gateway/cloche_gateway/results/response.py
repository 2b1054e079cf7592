"""Build the representations of an execution in the API. Pure functions of the resource."""

from __future__ import annotations

from typing import Any

from cloche_api.resources.phases import TERMINAL, Phase
from cloche_gateway.times import seconds_between

_STATUS = {
    Phase.PENDING: "pending",
    Phase.RUNNING: "running",
    Phase.COMPLETED: "completed",
    Phase.TIMED_OUT: "failed",
    Phase.CANCELLED: "cancelled",
    Phase.ERROR: "failed",
}
"""The API's `status` for each phase."""


def phase_of(obj: dict[str, Any]) -> Phase:
    """Return the execution's phase: Pending until the operator sets one."""
    return Phase((obj.get("status") or {}).get("phase") or Phase.PENDING)


def word_of(phase: Phase) -> str:
    """Return the API's `status` for a phase."""
    return _STATUS[phase]


def status_word(obj: dict[str, Any]) -> str:
    """Return the API's `status` for the execution's phase."""
    return word_of(phase_of(obj))


def result(obj: dict[str, Any]) -> dict[str, Any]:
    """Return the `models.ExecuteResponse` of an ended execution."""
    spec, status = obj["spec"], obj.get("status") or {}
    usage = status.get("usage")
    answer: dict[str, Any] = {
        "execution_id": obj["metadata"]["name"],
        "stdout": status.get("stdout") or "",
        "stderr": status.get("stderr") or "",
        "exit_code": status.get("exitCode"),
        "execution_time": status.get("executionSeconds"),
        "language": spec["language"],
        "session_id": spec.get("session"),
        "stdout_truncated": bool(status.get("stdoutTruncated")),
        "stderr_truncated": bool(status.get("stderrTruncated")),
        "reason": status.get("reason"),
        "usage": usage
        and {
            "cpu_seconds": usage.get("cpuSeconds"),
            "max_memory_bytes": usage.get("maxMemoryBytes"),
        },
        "queue_time": seconds_between(status.get("queuedTime"), status.get("claimedTime")),
    }
    if spec.get("outputFiles"):
        answer["files"] = [
            {"path": file["path"], "content_base64": file["contentBase64"]}
            for file in status.get("files") or []
        ]
        answer["files_truncated"] = bool(status.get("filesTruncated"))
    return answer


def state(obj: dict[str, Any], detail: str | None) -> dict[str, Any]:
    """Return the `models.StatusResponse` of an execution, with this `detail`."""
    phase, status = phase_of(obj), obj.get("status") or {}
    started = status.get("startTime")
    return {
        "execution_id": obj["metadata"]["name"],
        "status": status_word(obj),
        "created_at": obj["metadata"]["creationTimestamp"],
        "started_at": started,
        "completed_at": status.get("completionTime"),
        "result": result(obj) if phase in TERMINAL and started else None,
        "detail": detail,
    }
