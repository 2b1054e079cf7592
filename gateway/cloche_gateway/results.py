"""Represent an execution in the API: its response or status as JSON, with status code and `detail`.

`TABLE` is the only place that maps the reason of an ended execution to a status code and `detail`.
All functions are pure functions of the resource.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, cast

from cloche_api.resources import phases
from cloche_api.resources.phases import TERMINAL, Phase, Reason
from cloche_gateway.errors import BusyError, RecordRemovedError
from cloche_gateway.result_body import result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_api.resources.typed_dicts import ExecutionStatusDict

FAILED = "Execution failed: "


class Body(Enum):
    """The fields of a response body besides `detail`."""

    RESULT = auto()
    """All fields of a result; unknown ones are null."""
    ID = auto()
    """Only the execution's id."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The response for one reason.

    `detail` is None if the program ended by itself. `{message}` in it is replaced by the message
    of the compiler or of the operator. `retry_after` is in seconds.
    """

    status: int
    detail: str | None
    body: Body = Body.RESULT
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response: status code, JSON body, and the seconds for Retry-After, if any."""

    status: int
    body: dict[str, Any]
    retry_after: int | None = None
    output_order: Sequence[int] = ()
    """As `outputOrder` of the status, for dialects that have one text of both streams."""


RETRY_AFTER_SECONDS = 5
"""Retry-After when the service is busy. Some executions will have ended by then."""
WRITE_LIMIT_SECONDS = 60
"""Retry-After when the tenant wrote too many bytes."""

_EXITED = Rule(200, None)
_BUSY = Rule(503, str(BusyError()), Body.ID, RETRY_AFTER_SECONDS)
_CANCELLED = Rule(409, "Execution cancelled", Body.ID)


def _failed(why: str) -> Rule:
    return Rule(500, FAILED + why)


TABLE = {
    Reason.EXITED: _EXITED,
    Reason.SIGNALED: _EXITED,
    Reason.OUT_OF_MEMORY: _EXITED,
    Reason.DISK_FULL: _EXITED,
    Reason.INVALID_SYNTAX: Rule(400, "Invalid code syntax: {message}"),
    Reason.COMPILER_FAILED: _EXITED,
    Reason.ACTION_COMPLETED: _EXITED,
    Reason.DEADLINE_EXCEEDED: _failed("container timeout"),
    Reason.CANCELLED: _CANCELLED,
    Reason.DELETED: _CANCELLED,
    Reason.QUEUE_TIMEOUT: _BUSY,
    Reason.QUEUE_FULL: _BUSY,
    Reason.WRITE_LIMIT: Rule(429, "{message}", Body.ID, WRITE_LIMIT_SECONDS),
    Reason.RECORD_REMOVED: Rule(410, str(RecordRemovedError()), Body.ID),
    Reason.UNKNOWN_LANGUAGE: Rule(400, "{message}", Body.ID),
    Reason.RESOURCES_EXCEED_RUNTIME: Rule(400, "{message}", Body.ID),
    Reason.INVALID_SPEC: Rule(400, "{message}", Body.ID),
    Reason.INVALID_FILES: Rule(400, "{message}", Body.ID),
    Reason.POD_EVICTED: _failed("its Pod was evicted from the node"),
    Reason.POD_DELETED: _failed("its Pod was deleted"),
    Reason.POD_REFUSED: _failed("the cluster rejected its Pod"),
    Reason.POD_FAILED: _failed("its Pod failed"),
    Reason.NODE_LOST: _failed("the node of its Pod was lost"),
    Reason.IMAGE_PULL_FAILED: _failed("the language's image could not be pulled"),
    Reason.CONTAINER_START_FAILED: _failed("its container could not be started"),
    Reason.UNSCHEDULABLE: _failed("no node has room for its Pod"),
    Reason.START_TIMEOUT: _failed("its Pod did not start in time"),
    Reason.SUPERVISOR_HUNG: _failed("its Pod stopped responding"),
    Reason.SOURCE_LOST: _failed("its source was lost before the program started"),
    Reason.RESULT_LOST: _failed("the program ran, but its result was lost"),
    Reason.RESULT_TOO_LARGE: _failed("the result was too large to be stored"),
    Reason.PROTOCOL_ERROR: _failed("its Pod returned an invalid response"),
    Reason.SESSION_ENDED: _failed("its session has ended"),
    Reason.INTERNAL_ERROR: _failed("internal error"),
}
"""The response for each reason; see "Reasons" in docs/design/architecture.md."""

_BY_PHASE = {Phase.COMPLETED: _EXITED, Phase.CANCELLED: _CANCELLED}
"""The response by phase, for a reason that only a newer operator knows."""
_STATUS = {
    Phase.PENDING: "pending",
    Phase.RUNNING: "running",
    Phase.COMPLETED: "completed",
    Phase.TIMED_OUT: "failed",
    Phase.CANCELLED: "cancelled",
    Phase.ERROR: "failed",
}
"""The API's `status` for each phase."""


def status_of(obj: dict[str, Any]) -> ExecutionStatusDict:
    """Return the status of an execution: empty until the operator sets one."""
    return cast("ExecutionStatusDict", obj.get("status") or {})


def phase_of(obj: dict[str, Any]) -> Phase:
    """Return the execution's phase: Pending until the operator sets one."""
    phase: str = status_of(obj).get("phase") or Phase.PENDING
    return Phase(phase)


def word_of(phase: Phase) -> str:
    """Return the API's `status` for a phase."""
    return _STATUS[phase]


def status_word(obj: dict[str, Any]) -> str:
    """Return the API's `status` for the execution's phase."""
    return word_of(phase_of(obj))


def rule_of(obj: dict[str, Any]) -> Rule:
    """Return the rule for an ended execution.

    A reason that does not belong to the phase (such as QueueTimeout in Completed) is ignored, and
    the phase decides, because the phase is the part that the API guarantees.
    """
    status: ExecutionStatusDict = obj["status"]
    reason: str = status.get("reason") or ""
    phase = Phase(status["phase"])
    if reason in set(Reason) and phases.phase_of(Reason(reason)) is phase:
        return TABLE[Reason(reason)]
    return _BY_PHASE.get(phase) or _failed(_in_words(reason) or "internal error")


def detail_of(obj: dict[str, Any]) -> str | None:
    """Return the `detail` of an ended execution.

    None if the program ended by itself, or if the execution has not ended.
    """
    if phase_of(obj) not in TERMINAL:
        return None
    detail = rule_of(obj).detail
    return detail and detail.replace("{message}", _message(obj["status"]))


def answer(obj: dict[str, Any]) -> Answer:
    """Return the response to the synchronous request of an ended execution."""
    rule = rule_of(obj)
    only_id = {"execution_id": obj["metadata"]["name"]}
    body = result(obj) if rule.body is Body.RESULT else only_id
    if rule.detail is not None:
        body = {"detail": detail_of(obj), **body}
    return Answer(rule.status, body, rule.retry_after, status_of(obj).get("outputOrder") or ())


def deleted(execution_id: str) -> Answer:
    """Return the response for an execution that was deleted before its end."""
    body = {"detail": _CANCELLED.detail, "execution_id": execution_id}
    return Answer(_CANCELLED.status, body)


def warned(body: dict[str, Any], warnings: Sequence[str]) -> dict[str, Any]:
    """Return a response body with these warnings.

    Without warnings the body does not change, because a strict client of the original service knows
    no such field.
    """
    return {**body, "warnings": list(warnings)} if warnings else body


def state(obj: dict[str, Any]) -> dict[str, Any]:
    """Return the `models.StatusResponse` of an execution."""
    phase = phase_of(obj)
    status = status_of(obj)
    started: str | None = status.get("startTime")
    completed: str | None = status.get("completionTime")
    return {
        "execution_id": obj["metadata"]["name"],
        "status": status_word(obj),
        "created_at": obj["metadata"]["creationTimestamp"],
        "started_at": started,
        "completed_at": completed,
        "result": result(obj) if phase in TERMINAL and started else None,
        "detail": detail_of(obj),
    }


def _message(status: ExecutionStatusDict) -> str:
    """Return the first line of the status message or, without one, of stderr.

    The message comes from the compiler or the operator. The prefix `spec.` is removed, because the
    operator names fields as in the resource and an HTTP request has no `spec`.
    """
    text: str = status.get("message") or status.get("stderr") or ""
    lines = text.strip().splitlines()
    return lines[0].strip().removeprefix("spec.") if lines else "no message"


def _in_words(reason: str) -> str:
    """Return a reason such as `NodeIsOnFire` as words: `node is on fire`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", reason).lower()
