"""Frames of a session that keeps its interpreter, and what comes back of a cell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.data.supervisor_events import exit_event, lines
from support.fixtures.cells import cell_frame, interpreter_of

from cloche_api import limits
from cloche_api.accounting.size import object_bytes
from cloche_api.resources.amounts import UsedResources
from cloche_api.resources.execution import ExecutionSpec
from cloche_api.resources.runtime import RuntimeSpec
from cloche_operator.model import status
from cloche_operator.protocol import cells
from cloche_operator.protocol.events import EventReader, Transcript
from cloche_operator.protocol.frame import Afterwards
from cloche_supervisor.protocol.frame import read

UID = "5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11"
STARTED = {"event": "started", "execution": UID, "stage": "cell", "time": 1763900000.0}
END = {"error": None, "state_lost": False, "results_truncated": False}
RUNTIME = RuntimeSpec.model_validate(
    {
        "image": "i",
        "fileName": "main.py",
        "run": {"command": ["python3", "main.py"]},
        "cells": {"command": ["python3", "/opt/cells"]},
        "environment": {"A": "1"},
    }
)
USED = UsedResources(cpu="1", memory="512Mi", disk="100Mi")


def content(frame: bytes) -> dict[str, Any]:
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    found: dict[str, Any] = json.loads(frame[4:])
    return found


def heard(*events: dict[str, Any], **end: Any) -> Transcript:
    transcript = Transcript(UID)
    last = exit_event(execution=UID, time=1763900001.5, **({"cell": END} | end))
    for event in EventReader().feed(lines(STARTED, *events, last)):
        transcript.take(event)
    return transcript


def result(kind: str = "result", **data: str) -> dict[str, Any]:
    return {"event": "result", "kind": kind, "data": data or {"text/plain": "1"}}


def test_the_supervisor_reads_the_frames_of_a_session_that_keeps_its_interpreter() -> None:
    spec = ExecutionSpec.model_validate(
        {
            "language": "python",
            "code": "x",
            "environment": {"B": "2"},
            "files": [{"path": "a", "content": "b"}],
            "outputFiles": ["*.png"],
            "timeoutSeconds": 5,
        }
    )
    sent = cells.cell(UID, spec, RUNTIME, USED, Afterwards.KEEP_FILES)
    frame = read(sent[4:])
    assert frame.kind == "cell"
    assert (frame.code, frame.environment, frame.timeout_seconds) == ("x", {"B": "2"}, 5.0)
    assert frame.interpreter.command == ("python3", "/opt/cells")
    assert frame.interpreter.environment["A"] == "1"
    assert "B" not in frame.interpreter.environment
    assert [file.path for file in frame.files] == ["a"]
    assert (frame.results_entries, frame.results_bytes) == (
        limits.RESULTS_ENTRIES,
        limits.RESULTS_BYTES,
    )
    assert set(content(sent)) == set(cell_frame(interpreter_of([]), ""))
    start = read(cells.start(RUNTIME, USED)[4:])
    assert start.kind == "start"
    assert start.interpreter.environment == frame.interpreter.environment


@pytest.mark.parametrize(
    ("field", "value"),
    [("args", ["a"]), ("stdin", "a"), ("entry", "pytest"), ("mergeOutput", True)],
)
def test_a_cell_has_no_field_that_only_a_new_process_can_have(field: str, value: Any) -> None:
    spec = ExecutionSpec.model_validate({"language": "python", "code": "", field: value})
    assert cells.misfit(spec) == field
    assert cells.misfit(ExecutionSpec.model_validate({"language": "python", "code": ""})) is None


def test_the_status_of_a_cell_has_its_results_and_its_error() -> None:
    error = {"name": "E", "value": "v", "traceback": "t"}
    end = {"error": error, "state_lost": True, "results_truncated": True}
    fields = status.from_exit(heard(result(), result("display"), cell=end, exit_code=1)).fields
    assert fields["results"] == [
        {"kind": "Result", "data": {"text/plain": "1"}},
        {"kind": "Display", "data": {"text/plain": "1"}},
    ]
    assert (fields["error"], fields["stateLost"], fields["resultsTruncated"]) == (error, True, True)
    plain = status.from_exit(heard(result())).fields
    assert "error" not in plain
    assert not plain["stateLost"]
    without = exit_event(execution=UID, time=1763900001.5)
    transcript = Transcript(UID)
    transcript.take_all(EventReader().feed(lines(STARTED, without)))
    assert not {"results", "stateLost"} & set(status.from_exit(transcript).fields)


@pytest.mark.parametrize(
    "event",
    [
        {"event": "result", "kind": "other", "data": {}},
        {"event": "result", "kind": "result", "data": []},
        {"event": "result", "kind": "result", "data": {"text/plain": 1}},
        {"event": "result", "kind": "result", "data": {"x" * 200: ""}},
        {"event": "result", "kind": "result", "data": {str(i): "" for i in range(17)}},
    ],
)
def test_a_result_that_breaks_the_protocol_is_not_kept(event: dict[str, Any]) -> None:
    transcript = heard(event)
    assert (transcript.results, transcript.garbage) == (None, 1)


@pytest.mark.parametrize(
    "cell",
    [
        {},
        END | {"error": {}},
        END | {"error": {"name": "", "value": "", "traceback": "x" * 40_000}},
        END | {"state_lost": 1},
        [],
    ],
)
def test_an_end_of_a_cell_that_breaks_the_protocol_is_no_end(cell: Any) -> None:
    assert heard(cell=cell).exit is None


def test_no_more_results_are_kept_than_a_status_takes() -> None:
    many = heard(*(result() for _ in range(100)))
    assert many.results is not None
    assert (len(many.results.kept), many.results.cut) == (limits.RESULTS_ENTRIES, True)
    large = {"text/html": "<" * (limits.RESULTS_BYTES // 2)}
    heavy = heard(*(result(**large) for _ in range(4)))
    assert heavy.results is not None
    assert (len(heavy.results.kept), heavy.results.cut) == (1, True)
    assert status.from_exit(heavy).fields["resultsTruncated"]
    fitted = status.fitted(
        {**status.from_exit(heard(result(), result(**large))).fields, "stdout": "x" * 200_000}
    )
    assert object_bytes(fitted) <= limits.STATUS_BYTES
    assert fitted["results"] == [{"kind": "Result", "data": {"text/plain": "1"}}]
    assert fitted["resultsTruncated"]
