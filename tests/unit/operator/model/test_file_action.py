"""The status of an action on the files of a session."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support.data.supervisor_events import exit_event

from cloche_api import limits
from cloche_api.accounting.size import object_bytes
from cloche_api.resources.execution import Action
from cloche_api.resources.phases import Phase, Reason
from cloche_operator.model.file_action import outcome
from cloche_operator.model.status import fitted
from cloche_operator.protocol.events import Transcript

UID = "5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11"
START = datetime(2026, 1, 2, 3, 4, 28, 250000, tzinfo=UTC).timestamp()
LISTED = {"path": "a/b", "size": 3, "modified": START}


def transcript(**changes: Any) -> Transcript:
    made = Transcript(UID)
    events: list[dict[str, Any]] = [
        {"event": "started", "execution": UID, "stage": "files", "time": START},
        exit_event(execution=UID, time=START + 0.5, execution_seconds=0.0) | changes,
    ]
    made.take_all(events)
    return made


def test_listed_files_have_their_sizes_and_times() -> None:
    made = outcome(Action.LIST_FILES, transcript(listed=[LISTED], problem=None))
    assert (made.reason, made.phase) == (Reason.ACTION_COMPLETED, Phase.COMPLETED)
    assert made.message == "Files listed: 1."
    assert made.fields == {
        "startTime": "2026-01-02T03:04:28.250000Z",
        "completionTime": "2026-01-02T03:04:28.750000Z",
        "listedFiles": [
            {"path": "a/b", "size": 3, "modifiedTime": "2026-01-02T03:04:28.250000Z"},
        ],
    }


def test_a_file_that_is_read_is_returned_like_one_of_a_program() -> None:
    files = [{"path": "a", "base64": "aGk="}]
    made = outcome(Action.READ_FILES, transcript(files=files))
    assert made.message == "Files read: 1."
    assert made.fields["files"] == [{"path": "a", "contentBase64": "aGk="}]
    assert "listedFiles" not in made.fields


def test_files_that_cannot_be_written_end_the_execution_with_their_problem() -> None:
    made = outcome(
        Action.WRITE_FILES, transcript(exit_code=1, problem="b: Is a directory", listed=[LISTED])
    )
    assert (made.reason, made.phase) == (Reason.INVALID_FILES, Phase.ERROR)
    assert made.message == "spec.files: b: Is a directory"
    assert len(made.fields["listedFiles"]) == 1


def test_the_longest_list_fits_into_a_status() -> None:
    path = "\n" * (limits.LISTED_FILES_BYTES // limits.LISTED_FILES_ENTRIES)
    listed = [LISTED | {"path": path, "size": 2**53}] * limits.LISTED_FILES_ENTRIES
    whole = transcript(listed=listed)
    assert whole.size >= len(path) * len(listed)
    made = outcome(Action.LIST_FILES, whole).fields
    assert object_bytes(made) <= limits.STATUS_BYTES
    assert len(fitted(made)["listedFiles"]) == limits.LISTED_FILES_ENTRIES


@pytest.mark.parametrize(
    "changes",
    [
        {"listed": [LISTED] * (limits.LISTED_FILES_ENTRIES + 1)},
        {"listed": [LISTED | {"path": "x" * 4096}] * 33},
        {"listed": [LISTED | {"path": 1}]},
        {"listed": [LISTED | {"path": "x" * 4097}]},
        {"listed": [LISTED | {"size": -1}]},
        {"listed": [LISTED | {"size": True}]},
        {"listed": [LISTED | {"modified": -1}]},
        {"listed": [LISTED | {"modified": 253_402_300_799.5}]},
        {"listed": [LISTED | {"modified": "now"}]},
        {"listed": ["a"]},
        {"listed": {}},
        {"problem": 1},
    ],
)
def test_an_end_that_lies_about_files_is_no_end(changes: dict[str, Any]) -> None:
    made = transcript(**changes)
    assert (made.exit, made.garbage) == (None, 1)
