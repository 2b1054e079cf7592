"""How an execution ended, and its status. Pure."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from cloche_api import limits
from cloche_api.accounting.size import json_bytes, object_bytes
from cloche_api.resources.phases import Phase, Reason, phase_of
from cloche_operator.model import cells, output_files, verdict
from cloche_operator.model.execution import Execution, now, timestamp

if TYPE_CHECKING:
    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.typed_dicts import (
        ConditionDict,
        ExecutionStatusDict,
        UsageDict,
        UsedResourcesDict,
    )
    from cloche_api.resources.typed_objects import ExecutionSpecDict
    from cloche_operator.model.pod import Pod
    from cloche_operator.protocol.events import Transcript

_MESSAGE_CHARACTERS = 4000

_Stream = Literal["stdout", "stderr"]
_Truncated = Literal["stdoutTruncated", "stderrTruncated"]
_STREAMS: tuple[tuple[_Stream, _Truncated], ...] = (
    ("stdout", "stdoutTruncated"),
    ("stderr", "stderrTruncated"),
)
_Output = Literal["stdout", "stderr", "files", "filesOmitted", "listedFiles", "results", "error"]
_OUTPUTS: tuple[_Output, ...] = (
    *("stdout", "stderr", "files", "filesOmitted", "listedFiles", "results", "error"),
)


class EndedError(Exception):
    """The execution cannot continue. It ends with this reason and message."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class NeverStartedError(Exception):
    """The connection to the Pod was lost, and it is proved that the program never started."""


@dataclass(frozen=True)
class Outcome:
    """How an execution ended: reason, message, and the status fields that follow from them."""

    reason: Reason
    message: str
    fields: ExecutionStatusDict

    @property
    def phase(self) -> Phase:
        """The terminal phase."""
        return phase_of(self.reason)


def from_exit(transcript: Transcript) -> Outcome:
    """Return the outcome of an execution whose supervisor reported the end."""
    event = transcript.exit
    assert event is not None
    reason, message = Reason.EXITED, "The program exited with code 0."
    if event["exit_code"] != 0:
        reason, message = verdict.of_failure(event)
    fields: ExecutionStatusDict = {
        **_heard(transcript),
        "exitCode": event["exit_code"],
        "stdoutBytes": event["stdout_bytes"],
        "stderrBytes": event["stderr_bytes"],
        "stdoutTruncated": transcript.stdout_truncated,
        "stderrTruncated": transcript.stderr_truncated,
        "completionTime": instant(event["time"]),
        "usage": _usage(event["cpu_seconds"], event["max_memory_bytes"]),
    }
    if event["signal"] is not None:
        fields["signal"] = event["signal"]
    if event["execution_seconds"] is not None:
        fields["executionSeconds"] = event["execution_seconds"]
    if event["compile_seconds"] is not None:
        fields["compileSeconds"] = event["compile_seconds"]
        if compiler := _usage(
            event.get("compile_cpu_seconds"), event.get("compile_max_memory_bytes")
        ):
            fields["compileUsage"] = compiler
    if event["check_seconds"] is not None:
        fields["checkSeconds"] = event["check_seconds"]
    if event["files"] or event["files_truncated"]:
        fields |= output_files.returned(event)
    if "cell" in event:
        fields |= cells.fields(event["cell"], transcript)
    return Outcome(reason, message, fields)


def without_exit(transcript: Transcript | None, ended: EndedError) -> Outcome:
    """Return the outcome of an execution whose supervisor could not report the end."""
    fields: ExecutionStatusDict = _heard(transcript) if transcript else {}
    if ended.reason is Reason.OUT_OF_MEMORY:
        fields |= {"exitCode": 128 + signal.SIGKILL, "signal": int(signal.SIGKILL)}
    return Outcome(ended.reason, ended.message, fields)


def judged(transcript: Transcript) -> None:
    """Check that a transcript that has ended contains a result.

    Raises:
        EndedError: InvalidFiles or ProtocolError, with the supervisor's message.
    """
    if (transcript.error or "").startswith("files: "):
        raise EndedError(Reason.INVALID_FILES, f"spec.{transcript.error}")
    if transcript.exit is None:
        raise EndedError(
            Reason.PROTOCOL_ERROR, f"The supervisor rejected the program: {transcript.error}"
        )


def running(  # noqa: PLR0913  the fields of one status, all by name
    *,
    pod: Pod,
    used: UsedResources,
    runtime_generation: int,
    queued: datetime,
    claimed: datetime,
    warm: bool,
) -> ExecutionStatusDict:
    """Return the status of a claim: this Pod, and no other, will get the execution's input."""
    return {
        "phase": Phase.RUNNING,
        "podName": pod.name,
        "podUID": pod.uid,
        "warm": warm,
        "queuedTime": timestamp(queued),
        "claimedTime": timestamp(claimed),
        "resources": resources_of(used),
        "runtimeGeneration": runtime_generation,
    }


def resources_of(used: UsedResources) -> UsedResourcesDict:
    """Return the `resources` of a status."""
    return {"cpu": used.cpu, "memory": used.memory, "disk": used.disk}


def terminal(
    execution: Execution, outcome: Outcome, node: str | None, api_time: datetime
) -> ExecutionStatusDict:
    """Return the final status: outcome, end, expiry and Finished condition, within its size limit.

    The expiry counts from `api_time`, the API server's, because another operator may compare it.
    """
    ended = now()
    expires = api_time + timedelta(seconds=execution.spec.ttl_seconds_after_finished)
    fields: ExecutionStatusDict = {
        "phase": outcome.phase,
        "reason": outcome.reason,
        "message": _clean(outcome.message),
        "completionTime": timestamp(ended),
        "expirationTime": timestamp(expires),
        "conditions": [_finished(outcome.reason, outcome.message, ended)],
        "recordedTime": timestamp(ended),
        **outcome.fields,
    }
    if node is not None:
        fields["nodeName"] = node
    return _weighed(fitted(fields), execution.size)


def unreadable(message: str, spec: ExecutionSpecDict, api_time: datetime) -> ExecutionStatusDict:
    """Return the final status of an execution whose spec the operator cannot parse."""
    ended = now()
    status: ExecutionStatusDict = {
        "phase": phase_of(Reason.INVALID_SPEC),
        "reason": Reason.INVALID_SPEC,
        "message": _clean(message),
        "completionTime": timestamp(ended),
        "expirationTime": timestamp(api_time + timedelta(seconds=limits.TTL_SECONDS_DEFAULT)),
        "recordedTime": timestamp(ended),
        "conditions": [_finished(Reason.INVALID_SPEC, message, ended)],
    }
    return _weighed(status, object_bytes(spec))


def without_outputs(status: ExecutionStatusDict) -> ExecutionStatusDict:
    """Return a final status without outputs, for when the API server rejects the fitted one."""
    message = "The API server rejected the result; the outputs are not kept."
    time = datetime.fromisoformat(status["completionTime"])
    final: ExecutionStatusDict = {
        **status,
        "phase": phase_of(Reason.RESULT_TOO_LARGE),
        "reason": Reason.RESULT_TOO_LARGE,
        "message": message,
        "stdoutTruncated": True,
        "stderrTruncated": True,
        "conditions": [_finished(Reason.RESULT_TOO_LARGE, message, time)],
    }
    for output in _OUTPUTS:
        final.pop(output, None)
    final.pop("outputOrder", None)
    if "storedBytes" in status:
        final["storedBytes"] += object_bytes(final) - object_bytes(status)
    return final


def fitted(status: ExecutionStatusDict) -> ExecutionStatusDict:
    """Cut the status to its size limit in etcd, and flag the cuts.

    Files are cut first, then results of a cell, then stderr, then stdout.
    """
    for stream, truncated in _STREAMS:
        kept = _cut_bytes(status.get(stream, ""), limits.STDOUT_BYTES)
        if kept != status.get(stream, ""):
            status[stream], status[truncated] = kept, True
    if object_bytes(status) > limits.STATUS_BYTES and status.get("files"):
        status |= output_files.left_out(status)
    if status.get("results"):
        cells.cut(status)
    for stream, truncated in reversed(_STREAMS):
        excess = object_bytes(status) - limits.STATUS_BYTES
        if excess > 0 and status.get(stream):
            room = max(0, json_bytes(status[stream]) - excess)
            status[stream], status[truncated] = _cut_json(status[stream], room), True
    return status


def _usage(cpu_seconds: float | None, max_memory_bytes: int | None) -> UsageDict:
    usage: UsageDict = {}
    if cpu_seconds is not None:
        usage["cpuSeconds"] = cpu_seconds
    if max_memory_bytes is not None:
        usage["maxMemoryBytes"] = max_memory_bytes
    return usage


def _heard(transcript: Transcript) -> ExecutionStatusDict:
    """Return the output that was received, with or without an end."""
    fields: ExecutionStatusDict = {"stdout": transcript.stdout, "stderr": transcript.stderr}
    if transcript.order is not None and (lengths := transcript.order.recorded()) is not None:
        fields["outputOrder"] = lengths
    if transcript.gap:
        fields |= {"stdoutTruncated": True, "stderrTruncated": True}
    if transcript.started is not None:
        fields["startTime"] = instant(transcript.started)
    return fields


def instant(seconds: float) -> str:
    """Format a Unix time as `timestamp` does."""
    return timestamp(datetime.fromtimestamp(seconds, UTC))


def _weighed(status: ExecutionStatusDict, spec: int) -> ExecutionStatusDict:
    """Return the status with the bytes of itself and the spec, but not those of the claim."""
    return {**status, "storedBytes": spec + object_bytes(status)}


def _cut_bytes(text: str, size: int) -> str:
    """Return the longest prefix of at most `size` bytes of UTF-8."""
    if len(text) * 4 <= size:
        return text
    return text.encode("utf-8")[:size].decode("utf-8", "ignore")


def _cut_json(text: str, size: int) -> str:
    """Return the longest prefix of at most `size` bytes as the API server serialises it."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if json_bytes(text[:middle]) <= size:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def _finished(reason: Reason, message: str, time: datetime) -> ConditionDict:
    return {
        "type": "Finished",
        "status": "True",
        "reason": reason,
        "message": _clean(message),
        # metav1.Time has whole seconds.
        "lastTransitionTime": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _clean(text: str) -> str:
    """Return the text, limited, and without characters that UTF-8 or a terminal cannot take."""
    printable = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
    return printable[:_MESSAGE_CHARACTERS]
