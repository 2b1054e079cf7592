"""Which requests an operation sends after each answer. No network, no clock."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.fixtures.client.script import LOST, RETRY, UNSENT, Script, reply

from cloche_client import errors
from cloche_client.core import flows
from cloche_client.core.wire import Reply
from cloche_client.models import Program

PROGRAM = Program(code="print(1)", timeout=10)
RESULT = {"execution_id": "e", "stdout": "1\n", "stderr": "", "exit_code": 0, "reason": "Exited"}


def state(status: str, **fields: Any) -> Reply:
    return reply(200, {"execution_id": "e", "status": status, **fields})


DONE = reply(200, RESULT)
BUSY = reply(503, {"detail": "Service busy."}, "7")


def test_a_program_that_runs_at_once_takes_one_request() -> None:
    script = Script([DONE])
    result = script.drive(flows.run(PROGRAM, RETRY, key="k"))
    assert result.stdout == "1\n"
    (request,) = script.requests
    assert (request.method, request.path, request.seconds) == ("POST", "/api/v1/execute", 145)
    assert json.loads(request.body or b"") == {
        "code": "print(1)", "language": "python", "timeout": 10,
    }  # fmt: skip


def test_a_busy_server_is_asked_again_with_the_same_key_after_its_time() -> None:
    script = Script([BUSY, BUSY, DONE])
    script.drive(flows.run(PROGRAM, RETRY, key="k"))
    assert script.keys == ["k", "k", "k"]
    assert script.pauses == [7, 7]


def test_a_lost_connection_is_repeated_with_the_same_key() -> None:
    script = Script([LOST, UNSENT, DONE])
    script.drive(flows.run(PROGRAM, RETRY, key="k"))
    assert script.keys == ["k", "k", "k"]
    assert script.pauses == [0.2, 0.4]


def test_repetitions_are_bounded_in_number_and_in_time() -> None:
    with pytest.raises(errors.BusyError):
        Script([BUSY, BUSY, BUSY]).drive(flows.run(PROGRAM, RETRY, key="k"))
    with pytest.raises(errors.ConnectionFailedError):
        Script([LOST, LOST, LOST]).drive(flows.run(PROGRAM, RETRY, key="k"))
    slow = reply(429, {"detail": "Rate limit exceeded."}, "61")
    script = Script([slow])
    with pytest.raises(errors.RateLimitedError) as caught:
        script.drive(flows.run(PROGRAM, RETRY, key="k"))
    assert (script.pauses, caught.value.retry_after) == ([], 61)


def test_the_result_of_an_execution_that_continues_elsewhere_is_waited_for() -> None:
    draining = reply(503, {"detail": "shutting down", "execution_id": "e"}, "5")
    script = Script([draining, state("running"), state("completed", result=RESULT)])
    result = script.drive(flows.run(PROGRAM, RETRY, key="k"))
    assert result.exit_code == 0
    assert [request.path for request in script.requests[1:]] == ["/api/v1/executions/e?wait=60"] * 2


def test_a_program_that_did_not_run_is_sent_again_under_a_new_key() -> None:
    busy = reply(503, {"detail": "Service busy.", "execution_id": "e"}, "5")
    script = Script([busy, state("failed", result=None, detail="Service busy."), DONE])
    script.drive(flows.run(PROGRAM, RETRY, key="k"))
    assert script.keys[0] == "k"
    assert script.keys[2] not in {"", "k"}


def test_a_program_that_ran_and_failed_is_not_sent_again() -> None:
    busy = reply(503, {"detail": "Service busy.", "execution_id": "e"}, "5")
    lost = state("failed", result=None, detail="Execution failed: the node of its Pod was lost",
                 started_at="2026-01-01T12:00:00Z")  # fmt: skip
    with pytest.raises(errors.ExecutionFailedError, match="node of its Pod"):
        Script([busy, lost]).drive(flows.run(PROGRAM, RETRY, key="k"))


def test_a_record_that_is_gone_is_requested_with_the_same_key() -> None:
    busy = reply(503, {"detail": "Service busy.", "execution_id": "e"}, "5")
    script = Script([busy, reply(404, {"detail": "Execution e not found"}), DONE])
    script.drive(flows.run(PROGRAM, RETRY, key="k"))
    assert [script.keys[0], script.keys[2]] == ["k", "k"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 500])
def test_other_errors_are_not_repeated(status: int) -> None:
    with pytest.raises(errors.AnswerError):
        Script([reply(status, {"detail": "no"})]).drive(flows.run(PROGRAM, RETRY, key="k"))


def test_a_session_and_a_batch_are_not_repeated_after_a_lost_connection() -> None:
    with pytest.raises(errors.ConnectionFailedError):
        Script([LOST]).drive(flows.create_session({"language": "python"}, RETRY))
    with pytest.raises(errors.ConnectionFailedError):
        Script([LOST]).drive(flows.batch([PROGRAM], RETRY))
    made = reply(201, {"session_id": "sbs-1", "language": "python"})
    found = Script([UNSENT, made]).drive(flows.create_session({"language": "python"}, RETRY))
    assert found.session_id == "sbs-1"


def test_waiting_ends_with_the_callers_time() -> None:
    script = Script([state("running"), state("running")])
    with pytest.raises(errors.WaitTimeoutError, match=r"has not ended after 61\.5 s"):
        script.drive(flows.waited("e", RETRY, 61.5))
    assert [request.path[-7:] for request in script.requests] == ["wait=60", "?wait=2"]


def test_an_abandoned_program_is_cancelled_by_the_id_of_its_key() -> None:
    script = Script([state("running"), state("running")])
    script.drive(flows.abandon(PROGRAM, key="k"))
    assert [(one.method, one.path) for one in script.requests] == [
        ("POST", "/api/v1/execute/async"),
        ("DELETE", "/api/v1/executions/e"),
    ]
    assert script.keys[0] == "k"


def test_a_session_that_has_ended_can_be_ended_again() -> None:
    Script([reply(404, {"detail": "Session x not found"})]).drive(flows.end_session("x", RETRY))
    with pytest.raises(errors.AuthenticationError):
        Script([reply(403, {"detail": "Invalid API key"})]).drive(flows.end_session("x", RETRY))


def test_an_id_is_one_part_of_the_path() -> None:
    script = Script([state("running")])
    script.drive(flows.state("../../x?y", RETRY))
    assert script.requests[0].path == "/api/v1/executions/..%2F..%2Fx%3Fy"


def test_all_fields_of_a_program_are_sent() -> None:
    program = Program(
        code="x", language="c", entry="e", stdin="in", args=["a"], environment={"A": "1"},
        files={"t": b"text", "b": b"\xff"}, output_files=["*"], timeout=1, compile_timeout=2,
        merge_output=True, cpu=0.5, memory_mb=64, disk_mb=10, session_id="s", ttl_seconds=0,
    )  # fmt: skip
    script = Script([DONE])
    script.drive(flows.run(program, RETRY, key="k"))
    assert json.loads(script.requests[0].body or b"") == {
        "code": "x", "language": "c", "entry": "e", "stdin": "in", "args": ["a"],
        "environment": {"A": "1"}, "output_files": ["*"], "timeout": 1, "compile_timeout": 2,
        "files": [{"path": "t", "content": "text"}, {"path": "b", "content_base64": "/w=="}],
        "merge_output": True, "resources": {"cpu": 0.5, "memory_mb": 64, "disk_mb": 10},
        "session_id": "s", "ttl_seconds": 0,
    }  # fmt: skip


def test_the_times_of_a_session_are_changed_and_sessions_are_listed() -> None:
    info = {"session_id": "sbs-1", "language": "bash"}
    script = Script([LOST, reply(200, info)])
    script.drive(flows.extend_session("sbs-1", None, 7200, RETRY))
    assert (script.requests[0].method, script.requests[0].body) == ("PATCH", b'{"lifetime":7200}')
    listed = reply(200, {"sessions": [info], "next_cursor": "c"})
    found, cursor = Script([listed]).drive(flows.sessions(RETRY, {"cursor": None}))
    assert ([one.session_id for one in found], cursor) == (["sbs-1"], "c")
