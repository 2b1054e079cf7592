"""What dialects learn of a result, for each reason that an execution can end with."""

from __future__ import annotations

from typing import Any

import pytest

from cloche_api.resources.phases import Reason, phase_of
from cloche_gateway import results
from cloche_gateway.dialects.outcome import Ending, Outcome, Usage, outcome
from cloche_gateway.errors import (
    BusyError,
    FailedError,
    GatewayError,
    RateLimitedError,
    RejectedError,
)

ENDINGS = {
    Reason.EXITED: Ending.EXITED,
    Reason.SIGNALED: Ending.SIGNALED,
    Reason.OUT_OF_MEMORY: Ending.OUT_OF_MEMORY,
    Reason.DISK_FULL: Ending.DISK_FULL,
    Reason.INVALID_SYNTAX: Ending.EXITED,
    Reason.COMPILER_FAILED: Ending.EXITED,
    Reason.DEADLINE_EXCEEDED: Ending.TIMED_OUT,
}
ERRORS = {200: None, 400: RejectedError, 409: RejectedError, 410: RejectedError,
          429: RateLimitedError, 500: FailedError, 503: BusyError}  # fmt: skip
"""The error for each status code, of reasons without a program's result."""


def answer(reason: str, phase: str = "", **status: Any) -> results.Answer:
    ended = {"phase": phase or phase_of(Reason(reason)), "reason": reason, "exitCode": 1, **status}
    return results.answer(
        {"metadata": {"name": "n"}, "spec": {"language": "python", "code": ""}, "status": ended}
    )


def of(reason: Reason, **status: Any) -> Outcome:
    return outcome(answer(reason, **status))


@pytest.mark.parametrize("reason", list(ENDINGS))
def test_a_reason_of_a_program_is_an_ending(reason: Reason) -> None:
    found = of(reason, executionSeconds=0.5, stdout="out", stderr="err", stderrTruncated=True)
    assert found.ending is ENDINGS[reason]
    assert (found.in_compiler, found.compiled) == (False, False)
    assert found.invalid_code is (reason is Reason.INVALID_SYNTAX)
    assert (found.stdout, found.stderr, found.exit_code) == ("out", "err", 1)
    assert (found.stdout_truncated, found.stderr_truncated) == (False, True)


@pytest.mark.parametrize("reason", sorted({*Reason} - {*ENDINGS, Reason.ACTION_COMPLETED}))
def test_every_other_reason_is_an_error_with_the_detail_of_the_response(reason: Reason) -> None:
    given = answer(reason, message="why it ended")
    expected = ERRORS[given.status]
    assert expected is not None
    with pytest.raises(GatewayError) as caught:
        outcome(given)
    assert type(caught.value) is expected
    assert str(caught.value) == given.body["detail"]
    if isinstance(caught.value, RateLimitedError):
        assert caught.value.reset == given.retry_after


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        (Reason.INVALID_SYNTAX, Ending.REJECTED),
        (Reason.COMPILER_FAILED, Ending.REJECTED),
        (Reason.OUT_OF_MEMORY, Ending.OUT_OF_MEMORY),
        (Reason.DISK_FULL, Ending.DISK_FULL),
        (Reason.DEADLINE_EXCEEDED, Ending.TIMED_OUT),
    ],
)
def test_the_compiler_ended_so_if_the_program_took_no_time(reason: Reason, ending: Ending) -> None:
    found = of(reason, executionSeconds=0.0, compileSeconds=1.5)
    assert (found.ending, found.in_compiler, found.compiled) == (ending, True, True)
    assert not found.succeeded


@pytest.mark.parametrize("reason", [Reason.EXITED, Reason.SIGNALED])
def test_a_program_that_took_no_measurable_time_ended_itself(reason: Reason) -> None:
    found = of(reason, executionSeconds=0.0, compileSeconds=1.5, exitCode=139)
    assert (found.ending, found.in_compiler, found.compiled) == (ENDINGS[reason], False, True)


def test_the_usage_of_compiler_and_program_is_apart() -> None:
    found = of(
        Reason.EXITED,
        exitCode=0,
        executionSeconds=0.25,
        usage={"cpuSeconds": 0.125, "maxMemoryBytes": 4096},
        compileSeconds=1.5,
        compileUsage={"cpuSeconds": 1.25, "maxMemoryBytes": 8192},
    )
    assert found.run == Usage(0.25, 0.125, 4096)
    assert found.compile == Usage(1.5, 1.25, 8192)
    assert found.succeeded


def test_an_unknown_usage_is_none() -> None:
    found = of(Reason.EXITED, exitCode=0)
    assert found.run == found.compile == Usage(None, None, None)


@pytest.mark.parametrize(
    ("reason", "code", "signal"),
    [
        (Reason.SIGNALED, 139, 11),
        (Reason.SIGNALED, None, None),
        (Reason.EXITED, 139, None),
        (Reason.OUT_OF_MEMORY, 137, None),
    ],
)
def test_only_a_signal_that_ended_the_program_is_one(
    reason: Reason, code: int | None, signal: int | None
) -> None:
    assert of(reason, exitCode=code, executionSeconds=1.0).signal == signal


def test_a_reason_of_a_newer_operator_is_judged_by_its_phase() -> None:
    assert outcome(answer("Finished", "Completed", exitCode=0)).succeeded
    with pytest.raises(FailedError, match="node is on fire"):
        outcome(answer("NodeIsOnFire", "Error"))


def test_a_deleted_execution_has_no_outcome() -> None:
    with pytest.raises(RejectedError, match="Execution cancelled"):
        outcome(results.deleted("n"))
