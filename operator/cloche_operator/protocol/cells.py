"""The frames of a session that keeps its interpreter, and what comes back of a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from cloche_api import limits
from cloche_api.resources.input import in_working_directory
from cloche_operator.protocol import frame

if TYPE_CHECKING:
    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.execution import ExecutionSpec
    from cloche_api.resources.runtime import RuntimeSpec
    from cloche_operator.protocol.frame import Afterwards

_KINDS = ("result", "display")
_MIME_CHARACTERS = 127
_ERROR = {
    "name": limits.ERROR_NAME_CHARACTERS,
    "value": limits.ERROR_VALUE_CHARACTERS,
    "traceback": limits.ERROR_TRACEBACK_CHARACTERS,
}


class CellError(TypedDict):
    """The exception of a cell in an `exit` event."""

    name: str
    value: str
    traceback: str


class CellEnd(TypedDict):
    """The key `cell` of an `exit` event."""

    error: CellError | None
    state_lost: bool
    results_truncated: bool


class Result(TypedDict):
    """What a `result` event has: a kind, and texts by MIME type."""

    kind: str
    data: dict[str, str]


def start(runtime: RuntimeSpec, used: UsedResources) -> bytes:
    """Return the frame that starts the interpreter of a session. It has no answer."""
    return frame.encoded({"protocol": frame.PROTOCOL, "interpreter": _interpreter(runtime, used)})


def misfit(spec: ExecutionSpec) -> str | None:
    """Return the field that a cell cannot have, or None."""
    unfit = {
        "args": spec.args,
        "entry": spec.entry,
        "stdin": spec.stdin,
        "mergeOutput": spec.merge_output,
    }
    return next((name for name, value in unfit.items() if value), None)


def cell(
    uid: str,
    spec: ExecutionSpec,
    runtime: RuntimeSpec,
    used: UsedResources,
    afterwards: Afterwards,
) -> bytes:
    """Return the frame of a cell."""
    return frame.encoded(
        {
            "protocol": frame.PROTOCOL,
            "execution": uid,
            "interpreter": _interpreter(runtime, used),
            "cell": {
                "code": frame.source_text(spec.code or "", runtime.source),
                "environment": spec.environment or {},
            },
            "files": [frame.input_file(one, runtime.source) for one in spec.files or []],
            "failure_messages": frame.failure_messages(runtime.failure_messages),
            "timeout_seconds": float(spec.timeout_seconds),
            "output_files": list(map(in_working_directory, spec.output_files or [])),
            "limits": frame.OUTPUT_LIMITS,
            "results": {"entries": limits.RESULTS_ENTRIES, "bytes": limits.RESULTS_BYTES},
            "afterwards": afterwards,
        }
    )


def _interpreter(runtime: RuntimeSpec, used: UsedResources) -> dict[str, Any]:
    assert runtime.cells is not None
    return {
        "command": runtime.cells.command,
        "environment": frame.environment_of_runtime(runtime, used),
        "rlimits": frame.resource_limits(used),
    }


def is_end(value: Any) -> bool:
    """Return whether it is the key `cell` of an `exit` event, within the limits of a status."""
    return (
        isinstance(value, dict)
        and type(value.get("state_lost")) is bool
        and type(value.get("results_truncated")) is bool
        and "error" in value
        and (value["error"] is None or _is_error(value["error"]))
    )


def result_of(event: dict[str, Any]) -> Result | None:
    """Return the result of a `result` event, or None if it is none."""
    kind, data = event.get("kind"), event.get("data")
    if kind not in _KINDS or not isinstance(data, dict) or len(data) > limits.RESULT_TEXTS:
        return None
    for mime, text in data.items():
        if len(mime) > _MIME_CHARACTERS or not isinstance(text, str):
            return None
    return {"kind": kind, "data": data}


class Results:
    """The results of a cell, at most what a status takes."""

    def __init__(self) -> None:
        self.kept: list[Result] = []
        self.size = 0
        """Characters of what is kept."""
        self.cut = False
        """Whether there were more."""

    def add(self, result: Result) -> None:
        """Keep a result, or note that it is missing."""
        size = self.size + sum(len(mime) + len(text) for mime, text in result["data"].items())
        if len(self.kept) < limits.RESULTS_ENTRIES and size <= limits.RESULTS_BYTES:
            self.kept.append(result)
            self.size = size
        else:
            self.cut = True


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(name), str) and len(value[name]) <= most
        for name, most in _ERROR.items()
    )
