"""The result of an execution as JSON. Pure functions of the resource."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

from cloche_api.resources.input import SCRATCH

if TYPE_CHECKING:
    from cloche_api.resources.typed_dicts import (
        CellResultDict,
        ExecutionStatusDict,
        OutputFileDict,
        UsageDict,
    )
    from cloche_api.resources.typed_objects import ExecutionSpecDict


_ERROR: tuple[Literal["name", "value", "traceback"], ...] = ("name", "value", "traceback")


class _Usage(TypedDict):
    """The fields of `models.Usage`."""

    cpu_seconds: float | None
    max_memory_bytes: int | None


class _Result(TypedDict):
    """The fields of `models.ExecuteResponse`."""

    execution_id: str
    stdout: str
    stderr: str
    exit_code: int | None
    execution_time: float | None
    language: str
    session_id: str | None
    stdout_truncated: bool
    stderr_truncated: bool
    reason: str | None
    usage: _Usage | None
    queue_time: float | None
    compile_seconds: NotRequired[float]
    compile_usage: NotRequired[_Usage | None]
    files: NotRequired[list[dict[str, str]]]
    files_truncated: NotRequired[bool]
    files_omitted: NotRequired[list[dict[str, str | int]]]
    results: NotRequired[list[dict[str, Any]]]
    results_truncated: NotRequired[bool]
    error: NotRequired[dict[str, str] | None]
    state_lost: NotRequired[bool]


def result(obj: dict[str, Any]) -> dict[str, Any]:
    """Return the `models.ExecuteResponse` of an ended execution."""
    spec: ExecutionSpecDict = obj["spec"]
    status: ExecutionStatusDict = obj["status"]
    answer: _Result = {
        "execution_id": obj["metadata"]["name"],
        "stdout": status.get("stdout") or "",
        "stderr": status.get("stderr") or "",
        "exit_code": status.get("exitCode"),
        "execution_time": status.get("executionSeconds"),
        "language": spec["language"],
        "session_id": spec.get("sessionID") or spec.get("session"),
        "stdout_truncated": status.get("stdoutTruncated") or False,
        "stderr_truncated": status.get("stderrTruncated") or False,
        "reason": status.get("reason"),
        "usage": _usage(status.get("usage")),
        "queue_time": seconds_between(status.get("queuedTime"), status.get("claimedTime")),
    }
    if "compileSeconds" in status:
        answer["compile_seconds"] = status["compileSeconds"]
        answer["compile_usage"] = _usage(status.get("compileUsage"))
    patterns: list[str] = spec.get("outputFiles") or []
    if patterns:
        files: list[OutputFileDict] = status.get("files") or []
        answer["files"] = [
            {"path": _path(file["path"], patterns), "content_base64": file["contentBase64"]}
            for file in files
        ]
        answer["files_truncated"] = status.get("filesTruncated") or False
        if omitted := status.get("filesOmitted"):
            answer["files_omitted"] = [
                {
                    "path": _path(file["path"], patterns),
                    "size": file["size"],
                    "reason": file["reason"],
                }
                for file in omitted
            ]
    if "stateLost" in status:
        error = status.get("error")
        answer["results"] = list(map(cell_result, status.get("results") or []))
        answer["results_truncated"] = status.get("resultsTruncated") or False
        answer["error"] = None if error is None else {name: error[name] for name in _ERROR}
        answer["state_lost"] = status["stateLost"]
    return {**answer}


def cell_result(result: CellResultDict) -> dict[str, Any]:
    """Return the `cell_models.CellResult` of a result of a cell."""
    return {"kind": result["kind"].lower(), "data": {**result["data"]}}


def _path(path: str, patterns: list[str]) -> str:
    """Return the path of a file in the form in which its patterns name /tmp."""
    if path.startswith(f"{SCRATCH}/") and any(one.startswith("/tmp/") for one in patterns):  # noqa: S108 - the name of a program's directory
        return "/tmp/" + path.removeprefix(f"{SCRATCH}/")  # noqa: S108
    return path


def _usage(usage: UsageDict | None) -> _Usage | None:
    if usage is None:
        return None
    return {
        "cpu_seconds": usage.get("cpuSeconds"),
        "max_memory_bytes": usage.get("maxMemoryBytes"),
    }


def failed_item(
    known: dict[str, Any], language: str | None, session_id: str | None, error: str
) -> dict[str, Any]:
    """Return the `models.BatchItem` of a failed item of a batch.

    `known` has the fields that are known, at least `execution_id`. `language` and `session_id` are
    those of the request.
    """
    unknown = {
        "stdout": "",
        "stderr": "",
        "execution_time": None,
        "language": language,
        "session_id": session_id,
        "stdout_truncated": False,
        "stderr_truncated": False,
        "reason": None,
        "usage": None,
        "queue_time": None,
    }
    known = {field: value for field, value in known.items() if field != "detail"}
    return {**unknown, **known, "exit_code": -1, "error": error}


def seconds_between(earlier: str | None, later: str | None) -> float | None:
    """Return the seconds from one RFC 3339 time to another, at least 0.

    Return None if one of them is None or empty.
    """
    if not earlier or not later:
        return None
    passed = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    return max(0.0, round(passed.total_seconds(), 6))
