"""Answers as objects and exceptions. The table of exceptions covers the gateway's status codes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloche_client import errors
from cloche_client.core import answers
from cloche_client.core.fields import Fields
from cloche_client.core.wire import Reply
from cloche_client.models import ExecutionState, Result
from cloche_gateway import results
from cloche_gateway.http import error_handlers

RESULT = {
    "execution_id": "e",
    "stdout": "out",
    "stderr": "",
    "exit_code": 0,
    "execution_time": 0.08,
    "language": "python",
    "session_id": None,
    "stdout_truncated": False,
    "stderr_truncated": True,
    "reason": "Exited",
    "usage": {"cpu_seconds": 0.03, "max_memory_bytes": 9000000},
    "queue_time": 0.001,
    "files": [{"path": "a", "content_base64": "AP8="}],
    "files_truncated": True,
    "files_omitted": [{"path": "b", "size": 3, "reason": "TooLarge"}],
    "later_field": {"unknown": 1},
}


def reply(status: int, body: Any, **headers: str) -> Reply:
    return Reply(status, headers, json.dumps(body).encode())


def test_a_result_has_the_fields_of_the_answer_and_unknown_ones_are_ignored() -> None:
    found = answers.result_of(Fields(RESULT))
    assert (found.stdout, found.exit_code, found.stderr_truncated) == ("out", 0, True)
    assert found.file("a") == b"\0\xff"
    assert found.files_omitted[0].reason == "TooLarge"
    assert found.usage is not None
    assert found.usage.max_memory_bytes == 9000000
    assert found.raw["later_field"] == {"unknown": 1}
    assert found.ok
    with pytest.raises(KeyError):
        found.file("c")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("stdout", 5), ("exit_code", "0"), ("exit_code", 0.5), ("execution_time", True)),
        *(("usage", []), ("files", {}), ("files", [1]), ("stdout_truncated", "yes")),
        ("files", [{"path": "a", "content_base64": "%"}]),
    ],
)
def test_a_field_of_another_type_is_an_error(name: str, value: Any) -> None:
    with pytest.raises(errors.UnexpectedAnswerError, match="has no valid"):
        answers.result_of(Fields({**RESULT, name: value}))


def test_every_status_code_of_the_gateway_has_an_exception() -> None:
    codes = {status for status, _ in error_handlers.TABLE.values()}
    codes |= {rule.status for rule in results.TABLE.values()}
    missing = {code for code in codes if errors.kind_of(code, None) is None}
    assert missing == {200, 499}  # success, and a client that is gone


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"detail": "timeout: must be"}, errors.InvalidRequestError),
        (400, {"detail": "x", "reason": "InvalidSyntax"}, errors.InvalidSyntaxError),
        (401, {"detail": "API key is required"}, errors.AuthenticationError),
        (404, {"detail": "Session x not found"}, errors.NotFoundError),
        (
            409,
            {"detail": "Execution cancelled", "execution_id": "e"},
            errors.ExecutionCancelledError,
        ),
        (409, {"detail": "has not ended"}, errors.ConflictError),
        (410, {"detail": "removed"}, errors.RecordRemovedError),
        (413, {"detail": "code: must be at most"}, errors.TooLargeError),
        (429, {"detail": "Rate limit exceeded."}, errors.RateLimitedError),
        (500, {"detail": "x", "reason": "DeadlineExceeded"}, errors.DeadlineExceededError),
        (500, {"detail": "x", "reason": "NodeLost"}, errors.ExecutionFailedError),
        (500, {"detail": "x"}, errors.ExecutionFailedError),
        (503, {"detail": "Service busy."}, errors.BusyError),
        (418, {"detail": "x"}, errors.InvalidRequestError),
        (504, {"detail": "x"}, errors.ExecutionFailedError),
    ],
)
def test_an_answer_has_its_exception(
    status: int, body: dict[str, Any], kind: type[Exception]
) -> None:
    found = answers.error_of(reply(status, body))
    assert type(found) is kind
    assert body["detail"].rstrip(".") in str(found)


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b"[]", b'{"message": "no"}'])
def test_an_answer_of_a_proxy_is_named_as_such(body: bytes) -> None:
    found = answers.error_of(Reply(502, {}, body))
    assert isinstance(found, errors.UnexpectedAnswerError)
    assert "HTTP 502" in str(found)


def test_a_redirection_is_an_error_that_asks_for_the_right_url() -> None:
    found = answers.error_of(Reply(301, {"location": "https://elsewhere"}, b""))
    assert isinstance(found, errors.UnexpectedAnswerError)
    assert "with https" in str(found)


def test_an_error_has_what_the_answer_has() -> None:
    body = {**RESULT, "detail": "Execution failed: container timeout", "reason": "DeadlineExceeded"}
    found = answers.error_of(reply(500, body, **{"x-request-id": "r", "retry-after": "5"}))
    assert isinstance(found, errors.DeadlineExceededError)
    assert (found.status, found.execution_id, found.request_id) == (500, "e", "r")
    assert found.retry_after == 5
    assert found.result is not None
    assert found.result.stdout == "out"


@pytest.mark.parametrize("text", ["-1", "1e9", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 10])
def test_a_retry_after_that_is_not_a_number_of_seconds_is_ignored(text: str) -> None:
    found = answers.error_of(reply(503, {"detail": "busy"}, **{"retry-after": text}))
    assert isinstance(found, errors.BusyError)
    assert found.retry_after is None


@pytest.mark.parametrize(
    ("status", "reason", "detail", "kind"),
    [
        ("completed", "InvalidSyntax", "Invalid code syntax: x", errors.InvalidSyntaxError),
        ("failed", "DeadlineExceeded", "container timeout", errors.DeadlineExceededError),
        ("failed", "NodeLost", "node lost", errors.ExecutionFailedError),
        ("failed", None, "Service busy. Please try again later.", errors.BusyError),
        ("failed", None, "Execution failed: image", errors.ExecutionFailedError),
        ("cancelled", None, "Execution cancelled", errors.ExecutionCancelledError),
        ("cancelled", "Cancelled", "Execution cancelled", errors.ExecutionCancelledError),
    ],
)
def test_an_ended_execution_gives_the_exception_of_a_waiting_request(
    status: str, reason: str | None, detail: str, kind: type[errors.AnswerError]
) -> None:
    result = reason and answers.result_of(Fields({**RESULT, "reason": reason}))
    with pytest.raises(kind) as caught:
        answers.outcome(
            ExecutionState(execution_id="e", status=status, detail=detail, result=result or None)
        )
    assert type(caught.value) is kind


def test_the_items_of_a_batch_are_results_and_exceptions() -> None:
    fine = answers.item_of(Fields({**RESULT, "error": None}))
    assert isinstance(fine, Result)
    wrong = answers.item_of(Fields({"error": "timeout: must be", "exit_code": -1}))
    assert isinstance(wrong, errors.InvalidRequestError)
    late = {**RESULT, "error": "Execution failed: container timeout", "reason": "DeadlineExceeded"}
    assert isinstance(answers.item_of(Fields(late)), errors.DeadlineExceededError)
    busy = {"error": "Service busy. Please try again later.", "execution_id": "e"}
    assert isinstance(answers.item_of(Fields(busy)), errors.BusyError)


def test_a_checked_result_names_the_exit_code_and_the_last_line() -> None:
    failed = answers.result_of(
        Fields({**RESULT, "exit_code": 3, "stderr": "Traceback\nValueError: x\n"})
    )
    with pytest.raises(errors.ProgramFailedError, match="exit code 3, Exited: ValueError: x"):
        answers.checked(failed)
