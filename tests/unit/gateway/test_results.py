from __future__ import annotations

from typing import Any

import pytest

from cloche_api.resources.phases import TERMINAL, Phase, Reason, phase_of
from cloche_gateway import cell_models, models, result_body, results

# For each reason, the status code of the synchronous response and the API's `status`. Reasons that
# are not listed give (500, "failed").
EXPECTED = {
    "Exited": (200, "completed"),
    "Signaled": (200, "completed"),
    "OutOfMemory": (200, "completed"),
    "DiskFull": (200, "completed"),
    "InvalidSyntax": (400, "completed"),
    "CompilerFailed": (200, "completed"),
    "ActionCompleted": (200, "completed"),
    "DeadlineExceeded": (500, "failed"),
    "Cancelled": (409, "cancelled"),
    "Deleted": (409, "cancelled"),
    "QueueTimeout": (503, "failed"),
    "QueueFull": (503, "failed"),
    "WriteLimit": (429, "failed"),
    "RecordRemoved": (410, "failed"),
    "UnknownLanguage": (400, "failed"),
    "ResourcesExceedRuntime": (400, "failed"),
    "InvalidSpec": (400, "failed"),
    "InvalidFiles": (400, "failed"),
}


def execution(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "n", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"language": "python", "code": ""},
        "status": status,
    }


def test_the_outcome_table_contains_each_reason() -> None:
    assert set(results.TABLE) == set(Reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_each_reason_has_its_status_and_state(reason: Reason) -> None:
    obj = execution(phase=phase_of(reason), reason=reason)
    status, word = EXPECTED.get(reason, (500, "failed"))
    answer = results.answer(obj)
    assert (answer.status, results.status_word(obj)) == (status, word)
    assert ("detail" in answer.body) == (status != 200)
    assert (answer.retry_after is not None) == (status in (429, 503))
    assert answer.body["execution_id"] == "n"
    if status == 500:
        assert answer.body["detail"].startswith("Execution failed: ")
        assert set(answer.body) > {"stdout", "stderr", "exit_code", "stdout_truncated"}


@pytest.mark.parametrize("phase", sorted(TERMINAL))
@pytest.mark.parametrize("reason", ["SomethingNewer", "", None])
def test_an_unknown_reason_is_answered_by_its_phase(phase: Phase, reason: str | None) -> None:
    expected = {Phase.COMPLETED: 200, Phase.CANCELLED: 409}.get(phase, 500)
    answer = results.answer(execution(phase=phase, reason=reason))
    assert answer.status == expected
    if expected == 500:
        words = "something newer" if reason else "internal error"
        assert answer.body["detail"] == f"Execution failed: {words}"


def test_a_reason_is_used_only_in_its_own_phase() -> None:
    assert results.answer(execution(phase="Completed", reason="QueueTimeout")).status == 200
    assert results.answer(execution(phase="Error", reason="Exited")).status == 500


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        ({"message": "SyntaxError: bad\nmore"}, "Invalid code syntax: SyntaxError: bad"),
        ({"stderr": "\nmain.c:1: error\nx"}, "Invalid code syntax: main.c:1: error"),
        ({}, "Invalid code syntax: no message"),
        ({"message": "{message} {0}"}, "Invalid code syntax: {message} {0}"),
    ],
)
def test_the_detail_of_a_syntax_error_is_the_compilers_first_line(
    status: dict[str, Any], detail: str
) -> None:
    obj = execution(phase="Completed", reason="InvalidSyntax", **status)
    assert results.detail_of(obj) == detail


def test_an_operators_rejection_names_the_field_as_in_the_http_api() -> None:
    message = "spec.language: there is no SandboxRuntime for 'x'"
    obj = execution(phase="Error", reason="UnknownLanguage", message=message)
    answer = results.answer(obj)
    assert (answer.status, answer.body["detail"]) == (400, message.removeprefix("spec."))


def test_an_error_response_contains_nothing_about_the_cluster() -> None:
    obj = execution(phase="Error", reason="PodEvicted", message="node-17 (10.0.0.7) is full")
    assert "node-17" not in str(results.answer(obj).body)


def test_a_running_execution_has_no_detail_and_no_result() -> None:
    obj = execution(phase="Running", startTime="2026-01-01T00:00:01Z")
    assert results.detail_of(obj) is None
    assert results.state(obj)["result"] is None
    assert results.state({**obj, "status": None})["status"] == "pending"


def test_files_are_in_the_result_only_when_requested() -> None:
    obj = execution(phase="Completed", reason="Exited")
    assert "files" not in result_body.result(obj)
    obj["spec"]["outputFiles"] = ["*"]
    assert result_body.result(obj)["files"] == []


def test_an_answer_has_exactly_the_fields_of_its_model() -> None:
    obj = execution(phase="Completed", reason="Exited", usage={}, startTime="2026-01-01T00:00:00Z")
    plain = result_body.result(obj)
    assert set(plain) == set(models.ExecuteResponse.model_fields) - {
        "compile_seconds",
        "compile_usage",
        "files",
        "files_truncated",
        "files_omitted",
        "results",
        "results_truncated",
        "error",
        "state_lost",
        "warnings",
    }
    assert set(plain["usage"]) == set(models.Usage.model_fields)
    obj["spec"]["outputFiles"] = ["*"]
    obj["status"]["files"] = [{"path": "a", "contentBase64": ""}]
    obj["status"]["filesOmitted"] = [{"path": "b", "size": 1, "reason": "TooLarge"}]
    obj["status"] |= {"compileSeconds": 0.5, "compileUsage": {"cpuSeconds": 0.4}}
    obj["status"] |= {"stateLost": False}
    whole = results.warned(result_body.result(obj), ["colour: unknown field, ignored"])
    assert set(whole) == set(models.ExecuteResponse.model_fields)
    assert whole["compile_usage"] == {"cpu_seconds": 0.4, "max_memory_bytes": None}
    assert set(whole["files_omitted"][0]) == set(models.OmittedFile.model_fields)
    assert set(whole["files"][0]) == set(models.OutputFile.model_fields)
    state = results.warned(results.state(obj), ["colour: unknown field, ignored"])
    assert set(state) == set(models.StatusResponse.model_fields)
    item = result_body.failed_item(plain, "python", None, "it failed")
    assert set(item) == {*plain, "error"}
    # Fields that a failed item sets itself, so that they are there if no execution was created.
    alone = result_body.failed_item({"execution_id": None}, "python", None, "it failed")
    assert set(alone) == set(item)


def test_an_answer_has_what_a_cell_showed_and_the_exception_that_ended_it() -> None:
    obj = execution(phase="Completed", reason="Exited", stateLost=False, results=[])
    cell = result_body.result(obj)
    assert (cell["results"], cell["error"]) == ([], None)
    assert (cell["state_lost"], cell["results_truncated"]) == (False, False)
    error = {"name": "E", "value": "v", "traceback": "t"}
    obj["status"] |= {
        "results": [{"kind": "Display", "data": {"text/plain": "1"}}],
        "error": error,
        "stateLost": True,
        "resultsTruncated": True,
    }
    cell = result_body.result(obj)
    assert cell["results"] == [{"kind": "display", "data": {"text/plain": "1"}}]
    assert set(cell["results"][0]) == set(cell_models.CellResult.model_fields)
    assert cell["error"] == error
    assert set(error) == set(cell_models.CellError.model_fields)
    assert cell["state_lost"]
    assert cell["results_truncated"]


@pytest.mark.parametrize(
    ("patterns", "paths"),
    [
        (["/tmp/*"], ["/tmp/a", "/tmp/d/b", "c"]),
        (["**", ".tmp/*"], [".tmp/a", ".tmp/d/b", "c"]),
        (["/mnt/data/c", ".tmp/**"], [".tmp/a", ".tmp/d/b", "c"]),
    ],
)
def test_a_file_in_tmp_has_the_path_that_the_patterns_use(
    patterns: list[str], paths: list[str]
) -> None:
    obj = execution(phase="Completed", reason="Exited")
    obj["spec"]["outputFiles"] = patterns
    stored = [".tmp/a", ".tmp/d/b", "c"]
    obj["status"]["files"] = [{"path": path, "contentBase64": ""} for path in stored]
    obj["status"]["filesOmitted"] = [
        {"path": path, "size": 1, "reason": "TooMany"} for path in stored
    ]
    body = result_body.result(obj)
    assert [file["path"] for file in body["files"]] == paths
    assert [file["path"] for file in body["files_omitted"]] == paths


def test_a_queue_time_of_two_clocks_is_never_negative() -> None:
    obj = execution(queuedTime="2026-01-01T00:00:02.5Z", claimedTime="2026-01-01T00:00:02Z")
    assert result_body.result(obj)["queue_time"] == 0.0
    assert result_body.result(execution())["queue_time"] is None
