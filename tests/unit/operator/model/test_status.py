"""The status of an execution: its fields, and its stored bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from support.data.api_pods import pod
from support.data.supervisor_events import exit_event

from cloche_api.resources.amounts import UsedResources
from cloche_api.resources.phases import Phase, Reason, phase_of
from cloche_api.resources.typed_objects import ExecutionDict, ExecutionSpecDict
from cloche_operator.model import status
from cloche_operator.model.execution import from_object
from cloche_operator.model.status import (
    EndedError,
    Outcome,
    from_exit,
    running,
    terminal,
    unreadable,
    without_exit,
    without_outputs,
)
from cloche_operator.protocol.events import Transcript

NOW = datetime(2026, 1, 2, 3, 4, 30, 123456, tzinfo=UTC)
API_TIME = datetime(2026, 1, 2, 3, 14, 31, tzinfo=UTC)
"""The time of an API server whose clock is about ten minutes ahead."""
UID = "5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11"
START = datetime(2026, 1, 2, 3, 4, 28, 250000, tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "now", lambda: NOW)


def transcript(**changes: Any) -> Transcript:
    """Return a transcript that has ended."""
    made = Transcript(UID)
    events: list[dict[str, Any]] = [
        {"event": "ready", "protocol": 1},
        {"event": "started", "execution": UID, "stage": "run", "time": START},
        {"event": "stdout", "data": "Hello, World!\n"},
        exit_event(execution=UID, time=START + 0.5, stdout_bytes=14) | changes,
    ]
    made.take_all(events)
    assert made.exit is not None
    return made


def test_the_final_status_of_an_execution_has_all_fields(execution_object: ExecutionDict) -> None:
    made = terminal(from_object(execution_object), from_exit(transcript()), "node-1", API_TIME)
    assert made == {
        "phase": "Completed",
        "reason": "Exited",
        "message": "The program exited with code 0.",
        "nodeName": "node-1",
        "stdout": "Hello, World!\n",
        "stderr": "",
        "exitCode": 0,
        "stdoutBytes": 14,
        "stderrBytes": 0,
        "stdoutTruncated": False,
        "stderrTruncated": False,
        "startTime": "2026-01-02T03:04:28.250000Z",
        "completionTime": "2026-01-02T03:04:28.750000Z",
        "recordedTime": "2026-01-02T03:04:30.123456Z",
        "expirationTime": "2026-01-02T04:14:31.000000Z",
        "storedBytes": made["storedBytes"],
        "executionSeconds": 0.08,
        "usage": {"cpuSeconds": 0.03, "maxMemoryBytes": 9_000_000},
        "conditions": [
            {
                "type": "Finished",
                "status": "True",
                "reason": "Exited",
                "message": "The program exited with code 0.",
                "lastTransitionTime": "2026-01-02T03:04:30Z",
            }
        ],
    }
    json.dumps(made)


def test_a_program_killed_for_memory_without_an_exit_event_keeps_its_output(
    execution_object: ExecutionDict,
) -> None:
    heard = Transcript(UID)
    heard.take({"event": "started", "execution": UID, "stage": "run", "time": START})
    heard.take({"event": "stdout", "data": "so far"})
    ended = EndedError(Reason.OUT_OF_MEMORY, "The program was killed.")
    made = terminal(from_object(execution_object), without_exit(heard, ended), None, API_TIME)
    assert {k: made.get(k) for k in ("phase", "reason", "exitCode", "signal", "stdout")} == {
        "phase": "Completed",
        "reason": "OutOfMemory",
        "exitCode": 137,
        "signal": 9,
        "stdout": "so far",
    }
    assert made["startTime"] == "2026-01-02T03:04:28.250000Z"
    assert "usage" not in made
    assert "nodeName" not in made


@pytest.mark.parametrize(
    ("changes", "phase", "reason"),
    [
        ({"exit_code": 3}, Phase.COMPLETED, Reason.EXITED),
        ({"exit_code": 139, "signal": 11}, Phase.COMPLETED, Reason.SIGNALED),
        (
            {"exit_code": 137, "signal": 9, "out_of_memory": True},
            Phase.COMPLETED,
            Reason.OUT_OF_MEMORY,
        ),
        ({"exit_code": 137, "signal": 9, "timed_out": True}, Phase.TIMED_OUT, "DeadlineExceeded"),
        ({"exit_code": 1, "out_of_memory": True}, Phase.COMPLETED, Reason.OUT_OF_MEMORY),
        ({"exit_code": 1, "disk_full": True}, Phase.COMPLETED, Reason.DISK_FULL),
        ({"exit_code": 4, "compiler_failed": True}, Phase.COMPLETED, Reason.COMPILER_FAILED),
        ({"exit_code": 1, "syntax_error": "line 1"}, Phase.COMPLETED, Reason.INVALID_SYNTAX),
        ({"exit_code": 1, "syntax_error": ""}, Phase.COMPLETED, Reason.INVALID_SYNTAX),
    ],
)
def test_an_exit_event_has_its_phase_and_reason(
    changes: dict[str, Any], phase: Phase, reason: Reason
) -> None:
    judged = from_exit(transcript(**changes))
    assert (judged.phase, judged.reason) == (phase, reason)
    assert judged.fields["exitCode"] == changes["exit_code"]


def test_the_final_status_leaves_out_what_was_not_measured() -> None:
    fields = from_exit(transcript(cpu_seconds=None, execution_seconds=None)).fields
    assert fields["usage"] == {"maxMemoryBytes": 9_000_000}
    assert not {"executionSeconds", "compileSeconds", "checkSeconds", "signal"} & fields.keys()


def test_the_compilers_usage_is_beside_that_of_the_program() -> None:
    compiler = {"compile_cpu_seconds": 1.5, "compile_max_memory_bytes": 200_000_000}
    fields = from_exit(transcript(compile_seconds=1.25, **compiler)).fields
    assert fields["compileSeconds"] == 1.25
    assert fields["compileUsage"] == {"cpuSeconds": 1.5, "maxMemoryBytes": 200_000_000}
    assert fields["usage"] == {"cpuSeconds": 0.03, "maxMemoryBytes": 9_000_000}


def test_the_result_of_a_supervisor_of_an_earlier_image_is_complete() -> None:
    earlier = exit_event(execution=UID, time=START, compile_seconds=1.25)
    for field in ("compile_cpu_seconds", "compile_max_memory_bytes", "files_omitted"):
        del earlier[field]
    made = Transcript(UID)
    made.take(earlier)
    fields = from_exit(made).fields
    assert fields["compileSeconds"] == 1.25
    assert "compileUsage" not in fields


@pytest.mark.parametrize(
    ("compiled", "ran", "who"), [(None, 0.5, "program"), (1, 0.5, "program"), (1, 0, "compiler")]
)
def test_the_message_of_a_timeout_names_the_stage(
    compiled: float | None, ran: float, who: str
) -> None:
    ended = {"exit_code": 137, "signal": 9, "timed_out": True}
    outcome = from_exit(transcript(compile_seconds=compiled, execution_seconds=ran, **ended))
    assert outcome.message == f"The {who} ran longer than its timeout."


def test_each_reason_has_its_phase() -> None:
    assert {reason: phase_of(reason) for reason in Reason if phase_of(reason) != "Error"} == {
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


def test_the_status_of_a_claim_has_all_fields() -> None:
    made = running(
        pod=pod(name="sbx-1", uid="pod-uid"),
        used=UsedResources(cpu="1", memory="512Mi", disk="100Mi"),
        runtime_generation=3,
        queued=NOW,
        claimed=NOW,
        warm=False,
    )
    assert made == {
        "phase": "Running",
        "podName": "sbx-1",
        "podUID": "pod-uid",
        "warm": False,
        "queuedTime": "2026-01-02T03:04:30.123456Z",
        "claimedTime": "2026-01-02T03:04:30.123456Z",
        "resources": {"cpu": "1", "memory": "512Mi", "disk": "100Mi"},
        "runtimeGeneration": 3,
    }


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("plain", "plain"),
        ("two\nlines", "two\nlines"),
        ("\x1b[31mred\x00", "\ufffd[31mred\ufffd"),
        ("\ud800", "\ufffd"),
        ("x" * 100_000, "x" * 4000),
    ],
)
def test_a_message_is_limited_in_length_and_printable(
    execution_object: ExecutionDict, message: str, written: str
) -> None:
    made = terminal(
        from_object(execution_object), Outcome(Reason.PROTOCOL_ERROR, message, {}), None, API_TIME
    )
    assert made["message"] == written
    assert made["conditions"][0]["message"] == written
    made["message"].encode()


def test_an_unreadable_spec_ends_as_invalid_spec_with_an_expiration() -> None:
    spec: ExecutionSpecDict = {"language": "python", "code": "x" * 1000}
    made = unreadable("spec.code: too odd", spec, API_TIME)
    assert (made["phase"], made["reason"]) == ("Error", "InvalidSpec")
    assert made["conditions"][0]["reason"] == "InvalidSpec"
    assert made["expirationTime"] == "2026-01-02T04:14:31.000000Z"
    assert made["recordedTime"] == "2026-01-02T03:04:30.123456Z"
    assert made["storedBytes"] == stored(spec, made)


def stored(spec: Any, made: Any) -> Any:
    """Return about the bytes of both, as Go serialises them."""
    text = json.dumps({"spec": spec, "status": made}, separators=(",", ":"), ensure_ascii=False)
    return pytest.approx(len(text.replace("<", r"\u003c").encode()), rel=0.05, abs=50)


@pytest.mark.parametrize("code", ["print(1)", "<" * 100_000, "🪴" * 1000])
def test_stored_bytes_are_the_size_of_spec_and_status(
    execution_object: ExecutionDict, code: str
) -> None:
    execution_object["spec"] |= {
        "code": code,
        "args": ["a", "b"],
        "files": [{"path": "data", "content": "x" * 1000}],
        "ttlSecondsAfterFinished": 3600,
    }
    made = terminal(from_object(execution_object), from_exit(transcript()), "node-1", API_TIME)
    assert made["storedBytes"] == stored(execution_object["spec"], made)

    less = without_outputs(made)
    assert less["storedBytes"] == stored(execution_object["spec"], less)
    assert less["storedBytes"] != made["storedBytes"]


def test_a_status_without_outputs_keeps_the_other_fields(execution_object: ExecutionDict) -> None:
    whole = terminal(from_object(execution_object), from_exit(transcript()), "node-1", API_TIME)
    made = without_outputs(whole)
    assert (made["phase"], made["reason"]) == ("Error", "ResultTooLarge")
    assert not {"stdout", "stderr", "files"} & made.keys()
    assert made["exitCode"] == 0
    assert made["conditions"][0]["reason"] == "ResultTooLarge"
    assert (made["stdoutTruncated"], made["stderrTruncated"]) == (True, True)
    assert made["expirationTime"] == whole["expirationTime"]


def test_the_order_of_both_streams_is_recorded(execution_object: ExecutionDict) -> None:
    made = Transcript(UID)
    pieces = [("stderr", "a"), ("stdout", "bc"), ("stderr", "d")]
    made.take({"event": "started", "execution": UID, "stage": "run", "time": START})
    made.take_all([{"event": stream, "data": text} for stream, text in pieces])
    made.take(exit_event(execution=UID, time=START + 0.5))
    final = terminal(from_object(execution_object), from_exit(made), "node-1", API_TIME)
    assert final["outputOrder"] == [0, 1, 2, 1]
    assert "outputOrder" not in without_outputs(final)


def test_files_that_were_left_out_are_named_in_the_status() -> None:
    omitted = {"path": "big.bin", "size": 3_000_000, "reason": "TooLarge"}
    fields = from_exit(transcript(files_truncated=True, files_omitted=[omitted])).fields
    assert (fields["files"], fields["filesTruncated"]) == ([], True)
    assert fields["filesOmitted"] == [omitted]
