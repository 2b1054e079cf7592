"""The verdict on each way in which a submission can end."""

from __future__ import annotations

from typing import Any

import pytest

from cloche_api.resources.phases import Reason, phase_of
from cloche_gateway import results
from cloche_gateway.dialects.judge0 import facts, verdict
from cloche_gateway.dialects.judge0.verdict import DESCRIPTIONS, Status, Verdict

USAGE = {"cpuSeconds": 0.03, "maxMemoryBytes": 9_000_000}


def of(reason: Reason, expected: str | None = None, /, **status: Any) -> Verdict:
    ended = {
        "phase": phase_of(reason), "reason": reason, "executionSeconds": 0.08, "usage": USAGE,
        **status,
    }  # fmt: skip
    obj = {"metadata": {"name": "n"}, "spec": {"language": "python", "code": ""}, "status": ended}
    return verdict.of_answer(results.answer(obj), facts.made(71, {}, expected))


def test_a_program_that_exits_with_0_is_accepted() -> None:
    assert of(Reason.EXITED, exitCode=0, stdout="1\n") == Verdict(
        Status.ACCEPTED,
        stdout="1\n",
        exit_code=0,
        time=0.03,
        wall_time=0.08,
        memory=8789,
    )


@pytest.mark.parametrize(("expected", "status"), [("1", 3), ("2", 4), ("", 4), ("1\n2" * 999, 4)])
def test_the_output_is_compared_with_the_expected_one(expected: str, status: int) -> None:
    assert of(Reason.EXITED, expected, exitCode=0, stdout="1\n").status == status


def test_the_output_is_not_compared_if_the_program_failed() -> None:
    assert of(Reason.EXITED, "1", exitCode=3, stdout="2").status is Status.NZEC


@pytest.mark.parametrize(
    ("reason", "code", "status", "message", "ended"),
    [
        (Reason.EXITED, 3, 11, "Exited with error code 3", (3, None)),
        (Reason.EXITED, 139, 11, "Exited with error code 139", (139, None)),
        (Reason.INVALID_SYNTAX, 1, 11, "Exited with error code 1", (1, None)),
        (Reason.SIGNALED, 139, 7, "Caught fatal signal 11", (0, 11)),
        (Reason.SIGNALED, 153, 8, "Caught fatal signal 25", (0, 25)),
        (Reason.SIGNALED, 136, 9, "Caught fatal signal 8", (0, 8)),
        (Reason.SIGNALED, 134, 10, "Caught fatal signal 6", (0, 6)),
        (Reason.SIGNALED, 137, 12, "Caught fatal signal 9", (0, 9)),
        (Reason.OUT_OF_MEMORY, 137, 12, "Caught fatal signal 9", (0, 9)),
        (Reason.OUT_OF_MEMORY, 134, 10, "Caught fatal signal 6", (0, 6)),
        (Reason.OUT_OF_MEMORY, 1, 11, "Exited with error code 1", (1, None)),
        (Reason.DISK_FULL, 1, 11, "Exited with error code 1", (1, None)),
        (Reason.DEADLINE_EXCEEDED, 137, 5, "Time limit exceeded (wall clock)", (0, None)),
    ],
)
def test_a_program_that_fails_has_the_status_of_its_end(
    reason: Reason, code: int, status: int, message: str, ended: tuple[int, int | None]
) -> None:
    """`ended` is the exit code and the signal of the verdict."""
    found = of(reason, exitCode=code, stdout="o", stderr="e")
    assert (found.status, found.message) == (status, message)
    assert (found.exit_code, found.exit_signal) == ended
    assert (found.stdout, found.stderr, found.compile_output) == ("o", "e", None)


def test_more_cpu_time_than_allowed_exceeds_the_limit_also_of_a_program_that_ended() -> None:
    busy = {"cpuSeconds": 5.01, "maxMemoryBytes": 1}
    found = of(Reason.EXITED, exitCode=0, usage=busy, executionSeconds=6.0)
    assert (found.status, found.message) == (Status.TIME_LIMIT_EXCEEDED, "Time limit exceeded")
    assert (found.time, found.wall_time) == (5.01, 6.0)
    waiting = {"cpuSeconds": 4.99, "maxMemoryBytes": 1}
    assert of(Reason.EXITED, exitCode=0, usage=waiting, executionSeconds=9.0).status == 3


def test_a_limit_of_0_is_none() -> None:
    obj = {"reason": Reason.EXITED, "phase": "Completed", "exitCode": 0, "usage": USAGE}
    whole = {"metadata": {"name": "n"}, "spec": {"language": "python"}, "status": obj}
    none = facts.made(71, {"cpu_time_limit": 0}, None)
    assert verdict.of_answer(results.answer(whole), none).status is Status.ACCEPTED


@pytest.mark.parametrize(
    ("reason", "texts", "output"),
    [
        (Reason.INVALID_SYNTAX, {"stderr": "error: x"}, "error: x"),
        (Reason.INVALID_SYNTAX, {"stdout": "error: x"}, "error: x"),
        (Reason.COMPILER_FAILED, {"stderr": "ICE"}, "ICE"),
        (Reason.OUT_OF_MEMORY, {}, None),
        (Reason.DEADLINE_EXCEEDED, {"stderr": "x"}, "Compilation time limit exceeded."),
    ],
)
def test_a_program_that_does_not_compile_has_only_the_output_of_the_compiler(
    reason: Reason, texts: dict[str, str], output: str | None
) -> None:
    found = of(reason, exitCode=1, executionSeconds=0.0, compileSeconds=1.0, **texts)
    assert found == Verdict(Status.COMPILATION_ERROR, compile_output=output)


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        (Reason.NODE_LOST, "Execution failed: the node of its Pod was lost"),
        (Reason.CANCELLED, "Execution cancelled"),
        (Reason.QUEUE_TIMEOUT, "Service busy. Please try again later."),
    ],
)
def test_a_program_that_was_not_run_is_an_internal_error(reason: Reason, message: str) -> None:
    found = of(reason)
    assert found == Verdict(Status.INTERNAL_ERROR, found.message)
    assert (found.message or "").startswith(message)


def test_an_end_that_was_not_reported_is_an_internal_error() -> None:
    assert of(Reason.EXITED).status is Status.INTERNAL_ERROR


def test_output_that_was_cut_is_named() -> None:
    found = of(Reason.EXITED, exitCode=0, stdout="x", stdoutTruncated=True)
    assert found.message == "stdout is cut after 256 KiB"


def test_an_unknown_usage_has_the_wall_time() -> None:
    found = of(Reason.EXITED, exitCode=0, usage=None)
    assert (found.time, found.wall_time, found.memory) == (0.08, 0.08, None)


def test_every_status_has_a_description() -> None:
    assert [int(one) for one in DESCRIPTIONS] == list(range(1, 15))
