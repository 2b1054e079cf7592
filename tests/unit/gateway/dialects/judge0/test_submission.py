"""The fields of a submission, while it waits, runs, and after its end."""

from __future__ import annotations

from typing import Any

import pytest

from cloche_gateway.cluster.languages import Languages
from cloche_gateway.dialects.judge0 import facts, languages, submission
from cloche_gateway.dialects.judge0.refusals import RefusedError
from cloche_gateway.dialects.judge0.submission import DEFAULT

ENDED = {
    "phase": "Completed",
    "reason": "Exited",
    "exitCode": 0,
    "stdout": "ä\n",
    "queuedTime": "2026-01-01T00:00:00.500000Z",
    "startTime": "2026-01-01T00:00:01.000000Z",
    "completionTime": "2026-01-01T00:00:01.080999Z",
    "executionSeconds": 0.08,
    "usage": {"cpuSeconds": 0.0304, "maxMemoryBytes": 9000000},
}
LATER = {"queued_at", "started_at", "updated_at", "queue_host", "execution_host"}


def obj(**status: Any) -> dict[str, Any]:
    text = facts.made(71, {"wall_time_limit": 2, "memory_limit": 64000}, "ä").text()
    return {
        "metadata": {
            "name": "n",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": {"cloche.dev/judge0": text},
        },
        "spec": {"language": "python", "code": "print('ä')", "stdin": "1", "args": ["a b", "c"]},
        "status": status,
    }


def shown(of: dict[str, Any], words: str | None = None, *, encoded: bool = False) -> Any:
    one = submission.of(of)
    assert one is not None
    names = submission.selected(words)
    return submission.rendered(one, names, lambda _: "Python (3.13)", encoded=encoded)


def test_a_submission_that_has_ended_has_its_result() -> None:
    assert shown(obj(**ENDED)) == {
        "token": "n",
        "time": "0.03",
        "memory": 8789,
        "stdout": "ä\n",
        "stderr": None,
        "compile_output": None,
        "message": None,
        "status": {"id": 3, "description": "Accepted"},
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, {"id": 1, "description": "In Queue"}),
        ({"phase": "Pending"}, {"id": 1, "description": "In Queue"}),
        ({"phase": "Running"}, {"id": 2, "description": "Processing"}),
    ],
)
def test_a_submission_that_has_not_ended_has_only_a_status(
    status: dict[str, Any], expected: dict[str, Any]
) -> None:
    empty = dict.fromkeys(DEFAULT)
    assert shown(obj(**status)) == {**empty, "token": "n", "status": expected}


def test_all_fields_are_those_of_the_documentation_of_judge0() -> None:
    found = shown(obj(**ENDED), "*")
    assert found["language"] == {"id": 71, "name": "Python (3.13)"}
    assert found["created_at"] == "2026-01-01T00:00:00.000Z"
    assert found["finished_at"] == "2026-01-01T00:00:01.080Z"
    assert (found["source_code"], found["stdin"], found["expected_output"]) == (
        "print('ä')", "1", "ä",
    )  # fmt: skip
    assert (found["wall_time_limit"], found["cpu_time_limit"]) == ("2.0", "5.0")
    assert (found["memory_limit"], found["number_of_runs"]) == (64000, 1)
    assert found["command_line_arguments"] == "'a b' c"
    assert (found["exit_code"], found["exit_signal"], found["wall_time"]) == (0, None, "0.08")
    assert (found["language_id"], found["status_id"]) == (71, 3)
    assert not LATER & found.keys()
    assert len(found) == 35


def test_fields_of_later_versions_can_be_named() -> None:
    assert shown(obj(**ENDED), ",".join(sorted(LATER))) == {
        "execution_host": None,
        "queue_host": None,
        "queued_at": "2026-01-01T00:00:00.500Z",
        "started_at": "2026-01-01T00:00:01.000Z",
        "updated_at": "2026-01-01T00:00:01.080Z",
    }


def test_texts_are_in_base64_if_wanted_also_the_message() -> None:
    failed = {**ENDED, "exitCode": 3, "stderr": ""}
    assert shown(obj(**failed), "stdout,stderr,message,status_id", encoded=True) == {
        "stdout": "w6QK",
        "stderr": None,
        "message": "RXhpdGVkIHdpdGggZXJyb3IgY29kZSAz",
        "status_id": 11,
    }


def test_an_input_in_a_separate_object_is_null() -> None:
    large = obj(**ENDED)
    large["spec"] = {"language": "python", "source": {"name": "n-1", "bytes": 70000}}
    assert shown(large, "source_code,stdin,command_line_arguments") == {
        "source_code": None, "stdin": None, "command_line_arguments": None,
    }  # fmt: skip


@pytest.mark.parametrize("words", [None, "", ","])
def test_without_fields_the_answer_has_the_default_ones(words: str | None) -> None:
    assert submission.selected(words) == DEFAULT


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("stdout,a,b", "invalid fields: [a, b]"),
        ("a,*", "invalid fields: [a]"),
        ("stdout,,time", "invalid fields: []"),
        (" stdout", "invalid fields: [ stdout]"),
        ("\ud800", "invalid fields: [?]"),
    ],
)
def test_unknown_fields_are_named(words: str, message: str) -> None:
    with pytest.raises(RefusedError) as caught:
        submission.selected(words)
    assert (caught.value.status, str(caught.value)) == (400, message)


def test_a_long_list_of_fields_is_cut_in_the_message() -> None:
    with pytest.raises(RefusedError) as caught:
        submission.selected("x," * 100_000)
    assert len(str(caught.value)) < 200


def test_an_execution_of_another_api_is_not_a_submission() -> None:
    other = obj(**ENDED)
    del other["metadata"]["annotations"]
    assert submission.of(other) is None


def test_an_installed_language_is_listed_with_each_of_its_ids(installed: Languages) -> None:
    found = {one.id: one.name for one in languages.installed(installed)}
    assert found[71] == found[113] == "Python (3.13)"
    assert (found[51], found[82]) == ("C# (Mono 6.12)", "SQL (SQLite 3.46)")
    assert (found[54], found[62], found[46]) == ("C++ (GCC 14.2)", "Java (OpenJDK 21)", "Bash")
    assert 72 not in found
    assert 70 not in found
