"""The outcome of an execution: its reason, its message and what is known of its result."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cloche_api.resources.phases import Phase, Reason, phase_of

if TYPE_CHECKING:
    from cloche_operator.protocol.transcript import Transcript


class EndedError(Exception):
    """The execution cannot continue. It ends with this reason and message."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Outcome:
    """How an execution ended: reason, message, and the status fields that follow from them."""

    reason: Reason
    message: str
    fields: dict[str, Any]

    @property
    def phase(self) -> Phase:
        """The terminal phase."""
        return phase_of(self.reason)


def from_exit(transcript: Transcript) -> Outcome:
    """Return the outcome of an execution whose supervisor reported the end."""
    event = transcript.exit
    assert event is not None
    reason, message = _judged(event)
    fields = {
        **_heard(transcript),
        "exitCode": event["exit_code"],
        "signal": event["signal"],
        "stdoutBytes": event["stdout_bytes"],
        "stderrBytes": event["stderr_bytes"],
        "stdoutTruncated": transcript.stdout_truncated,
        "stderrTruncated": transcript.stderr_truncated,
        "completionTime": _instant(event["time"]),
        "executionSeconds": event["execution_seconds"],
        "compileSeconds": event["compile_seconds"],
        "checkSeconds": event["check_seconds"],
        "usage": {
            "cpuSeconds": event["cpu_seconds"],
            "maxMemoryBytes": event["max_memory_bytes"],
        },
    }
    if event["files"] or event["files_truncated"]:
        fields["files"] = [
            {"path": file["path"], "contentBase64": file["base64"]} for file in event["files"]
        ]
        fields["filesTruncated"] = event["files_truncated"]
    return Outcome(reason, message, fields)


def without_exit(transcript: Transcript | None, ended: EndedError) -> Outcome:
    """Return the outcome of an execution whose supervisor could not report the end."""
    fields = _heard(transcript) if transcript else {}
    if ended.reason is Reason.OUT_OF_MEMORY:
        fields |= {"exitCode": 128 + signal.SIGKILL, "signal": int(signal.SIGKILL)}
    return Outcome(ended.reason, ended.message, fields)


def _judged(event: dict[str, Any]) -> tuple[Reason, str]:
    if event["timed_out"]:
        return Reason.DEADLINE_EXCEEDED, "The program ran longer than its timeout."
    if event["out_of_memory"]:
        return Reason.OUT_OF_MEMORY, "The program was killed for using more than its memory."
    if event["syntax_error"] is not None:
        return Reason.INVALID_SYNTAX, event["syntax_error"][:1000]
    if event["signal"] is not None:
        return Reason.SIGNALED, f"The program was ended by signal {event['signal']}."
    return Reason.EXITED, f"The program exited with code {event['exit_code']}."


def _heard(transcript: Transcript) -> dict[str, Any]:
    """Return the output that was received, with or without an end."""
    fields: dict[str, Any] = {"stdout": transcript.stdout, "stderr": transcript.stderr}
    if transcript.gap:
        fields |= {"stdoutTruncated": True, "stderrTruncated": True}
    if transcript.started is not None:
        fields["startTime"] = _instant(transcript.started)
    return fields


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
