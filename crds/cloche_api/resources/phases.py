"""The phases and reasons of an execution."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """The phases of an execution. All except Pending and Running are terminal."""

    PENDING = "Pending"
    RUNNING = "Running"
    COMPLETED = "Completed"
    TIMED_OUT = "TimedOut"
    CANCELLED = "Cancelled"
    ERROR = "Error"


TERMINAL = frozenset({Phase.COMPLETED, Phase.TIMED_OUT, Phase.CANCELLED, Phase.ERROR})
UNFINISHED = ",".join(f"status.phase!={phase}" for phase in sorted(TERMINAL))
"""The field selector for executions that have not ended."""
ENDED = ",".join(f"status.phase!={phase}" for phase in sorted({*Phase} - TERMINAL))
"""The field selector for executions that have ended."""


class Reason(StrEnum):
    """The reasons for the phase of an execution. `phase_of` returns the phase of each."""

    EXITED = "Exited"
    SIGNALED = "Signaled"
    OUT_OF_MEMORY = "OutOfMemory"
    DISK_FULL = "DiskFull"
    INVALID_SYNTAX = "InvalidSyntax"
    COMPILER_FAILED = "CompilerFailed"
    ACTION_COMPLETED = "ActionCompleted"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    CANCELLED = "Cancelled"
    DELETED = "Deleted"
    QUEUE_TIMEOUT = "QueueTimeout"
    QUEUE_FULL = "QueueFull"
    WRITE_LIMIT = "WriteLimit"
    RECORD_REMOVED = "RecordRemoved"
    SOURCE_LOST = "SourceLost"
    INVALID_SPEC = "InvalidSpec"
    INVALID_FILES = "InvalidFiles"
    UNKNOWN_LANGUAGE = "UnknownLanguage"
    RESOURCES_EXCEED_RUNTIME = "ResourcesExceedRuntime"
    POD_EVICTED = "PodEvicted"
    POD_DELETED = "PodDeleted"
    POD_REFUSED = "PodRefused"
    POD_FAILED = "PodFailed"
    NODE_LOST = "NodeLost"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CONTAINER_START_FAILED = "ContainerStartFailed"
    UNSCHEDULABLE = "Unschedulable"
    START_TIMEOUT = "StartTimeout"
    SESSION_ENDED = "SessionEnded"
    SUPERVISOR_HUNG = "SupervisorHung"
    RESULT_LOST = "ResultLost"
    RESULT_TOO_LARGE = "ResultTooLarge"
    PROTOCOL_ERROR = "ProtocolError"
    INTERNAL_ERROR = "InternalError"


_PHASE_OF = {
    Reason.EXITED: Phase.COMPLETED,
    Reason.SIGNALED: Phase.COMPLETED,
    Reason.OUT_OF_MEMORY: Phase.COMPLETED,
    Reason.DISK_FULL: Phase.COMPLETED,
    Reason.INVALID_SYNTAX: Phase.COMPLETED,
    Reason.COMPILER_FAILED: Phase.COMPLETED,
    Reason.ACTION_COMPLETED: Phase.COMPLETED,
    Reason.DEADLINE_EXCEEDED: Phase.TIMED_OUT,
    Reason.CANCELLED: Phase.CANCELLED,
    Reason.DELETED: Phase.CANCELLED,
}


def phase_of(reason: Reason) -> Phase:
    """Return the terminal phase of a reason."""
    return _PHASE_OF.get(reason, Phase.ERROR)
