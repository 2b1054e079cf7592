"""The result of an execution in the form of Piston: a stage for the program and its compiler."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_gateway.dialects.outcome import Ending

if TYPE_CHECKING:
    from cloche_gateway.dialects.outcome import Outcome, Usage
    from cloche_gateway.dialects.piston.runtimes import Runtime

KILLED = signal.SIGKILL.name
_SIGNAL_BASE = 128
_MILLISECONDS = 1000
_KILLED_ENDINGS = (Ending.SIGNALED, Ending.OUT_OF_MEMORY, Ending.DISK_FULL)


@dataclass(frozen=True, slots=True)
class End:
    """How a stage ended: `code` or `signal`, and Piston's `status` and `message`."""

    code: int | None
    signal: str | None = None
    status: str | None = None
    message: str | None = None


def response(runtime: Runtime, ended: Outcome) -> dict[str, Any]:
    """Return the body of the response to a request for an execution.

    If the compiler failed, its stage is also in the place of the program's, as in Piston.
    """
    used = ended.compile if ended.in_compiler else ended.run
    last = _stage(end_of(ended), used, ended)
    stages = {"run": last}
    if ended.in_compiler:
        stages = {"compile": last, **stages}
    elif ended.compiled:
        stages = {"compile": _stage(End(0), ended.compile), **stages}
    return {**stages, "language": runtime.language, "version": runtime.shown_version}


def end_of(ended: Outcome) -> End:
    """Return how the last stage ended."""
    code = ended.exit_code
    if ended.ending is Ending.TIMED_OUT:
        return End(None, KILLED, "TO", "Time limit exceeded (wall clock)")
    if ended.ending in _KILLED_ENDINGS and (code is None or code > _SIGNAL_BASE):
        number = int(signal.SIGKILL) if code is None else code - _SIGNAL_BASE
        return End(None, _name(number), "SG", f"Caught fatal signal {number}")
    if ended.ending is Ending.REJECTED:
        code = code or 1
    return End(code, None, "RE", f"Exited with error code {code}") if code else End(code)


def _name(number: int) -> str | None:
    try:
        return signal.Signals(number).name
    except ValueError:
        return None


def _excess(ended: Outcome) -> str | None:
    """Return the message if a stream is cut off. Piston would have killed the program."""
    if ended.stdout_truncated:
        return "stdout length exceeded"
    return "stderr length exceeded" if ended.stderr_truncated else None


def _stage(end: End, used: Usage, printed: Outcome | None = None) -> dict[str, Any]:
    """Return a stage. `printed` has its output. That of a successful compiler is dropped."""
    excess = None if printed is None else _excess(printed)
    return {
        "signal": end.signal,
        "stdout": printed.stdout if printed else "",
        "stderr": printed.stderr if printed else "",
        "code": end.code,
        "output": printed.output if printed else "",
        "memory": used.memory_bytes,
        "message": end.message or excess,
        "status": end.status,
        "cpu_time": _milliseconds(used.cpu_seconds),
        "wall_time": _milliseconds(used.seconds),
    }


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * _MILLISECONDS)
