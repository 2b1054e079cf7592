"""The verdict on a submission: Judge0's statuses, and how the result of an execution is judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from cloche_gateway.dialects.outcome import Ending, Outcome, outcome
from cloche_gateway.errors import GatewayError

if TYPE_CHECKING:
    from cloche_gateway.dialects.judge0.facts import Facts
    from cloche_gateway.results import Answer


class Status(IntEnum):
    """The statuses, by their ids in Judge0."""

    IN_QUEUE = 1
    PROCESSING = 2
    ACCEPTED = 3
    WRONG_ANSWER = 4
    TIME_LIMIT_EXCEEDED = 5
    COMPILATION_ERROR = 6
    SIGSEGV = 7
    SIGXFSZ = 8
    SIGFPE = 9
    SIGABRT = 10
    NZEC = 11
    OTHER = 12
    INTERNAL_ERROR = 13
    EXEC_FORMAT_ERROR = 14


DESCRIPTIONS = {
    Status.IN_QUEUE: "In Queue",
    Status.PROCESSING: "Processing",
    Status.ACCEPTED: "Accepted",
    Status.WRONG_ANSWER: "Wrong Answer",
    Status.TIME_LIMIT_EXCEEDED: "Time Limit Exceeded",
    Status.COMPILATION_ERROR: "Compilation Error",
    Status.SIGSEGV: "Runtime Error (SIGSEGV)",
    Status.SIGXFSZ: "Runtime Error (SIGXFSZ)",
    Status.SIGFPE: "Runtime Error (SIGFPE)",
    Status.SIGABRT: "Runtime Error (SIGABRT)",
    Status.NZEC: "Runtime Error (NZEC)",
    Status.OTHER: "Runtime Error (Other)",
    Status.INTERNAL_ERROR: "Internal Error",
    Status.EXEC_FORMAT_ERROR: "Exec Format Error",
}
_SIGNALS = {11: Status.SIGSEGV, 25: Status.SIGXFSZ, 8: Status.SIGFPE, 6: Status.SIGABRT}
_SIGNAL_BASE = 128
_COMPILER_TIMED_OUT = "Compilation time limit exceeded."
_CUT = "stdout is cut after 256 KiB"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status, and what belongs to it. Times are in seconds, memory is in KB."""

    status: Status
    message: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    compile_output: str | None = None
    exit_code: int | None = None
    exit_signal: int | None = None
    time: float | None = None
    wall_time: float | None = None
    memory: int | None = None


def failed(why: str) -> Verdict:
    """Return the verdict on a submission whose program was not run to its end."""
    return Verdict(Status.INTERNAL_ERROR, why)


def of_answer(answer: Answer, facts: Facts) -> Verdict:
    """Return the verdict on an ended execution, from its response in `/api/v1`."""
    try:
        return judged(outcome(answer), facts)
    except GatewayError as error:
        return failed(str(error))


def judged(ended: Outcome, facts: Facts) -> Verdict:
    """Return the verdict on a program that was run, or that its compiler rejected."""
    if ended.in_compiler:
        # With redirected errors, the compiler's output is in stdout.
        output = (ended.stdout + ended.stderr) or None
        if ended.ending is Ending.TIMED_OUT:
            output = _COMPILER_TIMED_OUT
        return Verdict(Status.COMPILATION_ERROR, compile_output=output)
    status, message, code, signal = _end(ended, facts)
    if message is None and ended.stdout_truncated:
        message = _CUT
    cpu, memory = ended.run.cpu_seconds, ended.run.memory_bytes
    return Verdict(
        status,
        message,
        ended.stdout or None,
        ended.stderr or None,
        exit_code=code,
        exit_signal=signal,
        time=ended.run.seconds if cpu is None else cpu,
        wall_time=ended.run.seconds,
        memory=None if memory is None else memory // 1024,
    )


def _end(ended: Outcome, facts: Facts) -> tuple[Status, str | None, int | None, int | None]:
    """Return status, message, exit code and signal of a program.

    As in Judge0, the exit code is 0 if the program did not exit itself.
    """
    if ended.ending is Ending.TIMED_OUT:
        return Status.TIME_LIMIT_EXCEEDED, "Time limit exceeded (wall clock)", 0, None
    limit = facts.value("cpu_time_limit")
    if limit and (ended.run.cpu_seconds or 0) > limit:  # 0: there is no limit
        return Status.TIME_LIMIT_EXCEEDED, "Time limit exceeded", 0, None
    code = ended.exit_code
    if code is None:
        return Status.INTERNAL_ERROR, "The end of the program was not reported", None, None
    if (signal := _signal(ended, code)) is not None:
        status = _SIGNALS.get(signal, Status.OTHER)
        return status, f"Caught fatal signal {signal}", 0, signal
    if code:
        return Status.NZEC, f"Exited with error code {code}", code, None
    return (Status.ACCEPTED if facts.accepts(ended.stdout) else Status.WRONG_ANSWER), None, 0, None


def _signal(ended: Outcome, code: int) -> int | None:
    """Return the signal that ended the program, also if memory or disk is the reason for it."""
    if ended.ending is Ending.EXITED or code <= _SIGNAL_BASE:
        return None
    return code - _SIGNAL_BASE
