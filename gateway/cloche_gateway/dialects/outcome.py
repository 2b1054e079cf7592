"""The result of an execution in the terms that dialects have in common.

They distinguish how a program ended, and whether the compiler or the program ended, where `/api/v1`
has reasons and status codes. Whatever is not a program's result is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NoReturn

from cloche_api.resources.phases import Reason
from cloche_gateway.errors import (
    BusyError,
    FailedError,
    RateLimitedError,
    RejectedError,
)
from cloche_gateway.results import FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_gateway.results import Answer

_SIGNAL_BASE = 128
_OK, _TOO_MANY, _FAILED, _BUSY = 200, 429, 500, 503


class Ending(Enum):
    """How a program, or its compiler, ended."""

    EXITED = auto()
    SIGNALED = auto()
    OUT_OF_MEMORY = auto()
    DISK_FULL = auto()
    TIMED_OUT = auto()
    REJECTED = auto()
    """The compiler has rejected the code."""


_ENDINGS: dict[str, Ending] = {
    Reason.EXITED: Ending.EXITED,
    Reason.SIGNALED: Ending.SIGNALED,
    Reason.OUT_OF_MEMORY: Ending.OUT_OF_MEMORY,
    Reason.DISK_FULL: Ending.DISK_FULL,
    Reason.DEADLINE_EXCEEDED: Ending.TIMED_OUT,
    Reason.INVALID_SYNTAX: Ending.EXITED,
    Reason.COMPILER_FAILED: Ending.EXITED,
}


@dataclass(frozen=True, slots=True)
class Usage:
    """What the compiler or the program used. Unknown values are None."""

    seconds: float | None
    cpu_seconds: float | None
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a program that was run, or that its compiler rejected."""

    execution_id: str
    ending: Ending
    in_compiler: bool
    """Whether the compiler ended in this way, and the program was not run."""
    compiled: bool
    """Whether a compiler was run."""
    stdout: str
    stderr: str
    stdout_truncated: bool
    stderr_truncated: bool
    exit_code: int | None
    """128 + n if signal n ended it."""
    run: Usage
    compile: Usage
    files: list[dict[str, str]]
    """As `models.OutputFile`."""
    invalid_code: bool = False
    """Whether the code cannot be parsed or compiled, also in a language without a compiler."""
    output_order: Sequence[int] = ()
    """As `results.Answer.output_order`."""

    @property
    def signal(self) -> int | None:
        """The signal that ended the program, if one did."""
        if self.ending is Ending.SIGNALED and self.exit_code is not None:
            return self.exit_code - _SIGNAL_BASE
        return None

    @property
    def output(self) -> str:
        """Both streams in the order in which they were written, as far as it was recorded."""
        streams, at, parts = (self.stdout, self.stderr), [0, 0], list[str]()
        for place, length in enumerate(self.output_order):
            which = place % 2
            parts.append(streams[which][at[which] : at[which] + length])
            at[which] += length
        return "".join([*parts, self.stdout[at[0] :], self.stderr[at[1] :]])

    @property
    def succeeded(self) -> bool:
        """Whether the program exited with 0."""
        return self.ending is Ending.EXITED and self.exit_code == 0


def outcome(answer: Answer) -> Outcome:
    """Return the outcome of an execution from its response in `/api/v1`.

    In a language without a compiler, code that cannot be parsed is a program that exited: the
    interpreter has printed the mistake.

    Raises:
        GatewayError: the execution has no result. The message is the `detail` of the response.
    """
    body = answer.body
    ending = _ENDINGS.get(body.get("reason") or "")
    if ending is None:
        if answer.status != _OK:
            _refuse(answer)
        ending = Ending.EXITED  # for a reason that only a newer operator knows
    compiled = "compile_seconds" in body
    in_compiler = compiled and not body["execution_time"] and ending is not Ending.SIGNALED
    if in_compiler and body["reason"] == Reason.EXITED:
        in_compiler = False  # it took less time than can be measured
    if in_compiler and ending is Ending.EXITED:
        ending = Ending.REJECTED
    return Outcome(
        execution_id=body["execution_id"],
        ending=ending,
        in_compiler=in_compiler,
        compiled=compiled,
        stdout=body["stdout"],
        stderr=body["stderr"],
        stdout_truncated=body["stdout_truncated"],
        stderr_truncated=body["stderr_truncated"],
        exit_code=body["exit_code"],
        run=_usage(body["execution_time"], body["usage"]),
        compile=_usage(body.get("compile_seconds"), body.get("compile_usage")),
        files=body.get("files") or [],
        output_order=answer.output_order,
        invalid_code=body["reason"] == Reason.INVALID_SYNTAX,
    )


def _usage(seconds: float | None, usage: dict[str, Any] | None) -> Usage:
    known = usage or {}
    return Usage(seconds, known.get("cpu_seconds"), known.get("max_memory_bytes"))


def _refuse(answer: Answer) -> NoReturn:
    detail = str(answer.body.get("detail") or "")
    name = answer.body.get("execution_id")
    if answer.status == _TOO_MANY:
        error = RateLimitedError(answer.retry_after or 1)
        error.args = (detail,)
        raise error
    if answer.status == _BUSY:
        raise BusyError(name)
    if answer.status >= _FAILED:
        raise FailedError(detail.removeprefix(FAILED), name)
    raise RejectedError(detail, name)
