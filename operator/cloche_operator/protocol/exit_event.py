"""The `exit` event of an execution (docs/design/protocol.md): fields, and checks of any JSON."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict, TypeGuard

from cloche_operator.protocol import cells, files

_LARGEST = 2**53
"""The largest number in an event: JSON parsers agree up to here, and a status can hold it."""
_LATEST = 253_402_300_800
"""Unix time of the year 10000, where RFC 3339 ends."""


class ExitEvent(TypedDict):
    """The `exit` event of an execution."""

    time: float
    exit_code: int
    signal: int | None
    timed_out: bool
    out_of_memory: bool
    disk_full: bool
    compiler_failed: bool
    execution_seconds: float | None
    compile_seconds: float | None
    check_seconds: float | None
    cpu_seconds: float | None
    max_memory_bytes: int | None
    compile_cpu_seconds: NotRequired[float | None]
    compile_max_memory_bytes: NotRequired[int | None]
    stdout_bytes: int
    stderr_bytes: int
    stdout_truncated: bool
    stderr_truncated: bool
    files: list[files.ReturnedFile]
    files_truncated: bool
    files_omitted: NotRequired[list[files.OmittedFile]]
    listed: NotRequired[list[files.ListedFile]]
    problem: NotRequired[str | None]
    syntax_error: str | None
    cell: NotRequired[cells.CellEnd]


_NUMBER = (int, float)
_EXIT_FIELDS: dict[str, tuple[type, ...]] = {
    "time": _NUMBER,
    "exit_code": (int,),
    "signal": (int, type(None)),
    "timed_out": (bool,),
    "out_of_memory": (bool,),
    "disk_full": (bool,),
    "compiler_failed": (bool,),
    "execution_seconds": (*_NUMBER, type(None)),
    "compile_seconds": (*_NUMBER, type(None)),
    "check_seconds": (*_NUMBER, type(None)),
    "cpu_seconds": (*_NUMBER, type(None)),
    "max_memory_bytes": (int, type(None)),
    "compile_cpu_seconds": (*_NUMBER, type(None)),
    "compile_max_memory_bytes": (int, type(None)),
    "stdout_bytes": (int,),
    "stderr_bytes": (int,),
    "stdout_truncated": (bool,),
    "stderr_truncated": (bool,),
    "files": (list,),
    "files_truncated": (bool,),
    "files_omitted": (list,),
    "listed": (list,),
    "problem": (str, type(None)),
    "syntax_error": (str, type(None)),
    "cell": (dict,),
}
_ADDED = {
    *(
        "compile_cpu_seconds",
        "compile_max_memory_bytes",
        "files_omitted",
        "listed",
        "problem",
        "cell",
    )
}
"""Fields that a supervisor of an earlier image does not write, or not after each execution."""


def is_exit(event: dict[str, Any]) -> TypeGuard[ExitEvent]:
    """Return whether it is an `exit` event, within the limits of a status."""
    return (
        event.keys() >= _EXIT_FIELDS.keys() - _ADDED
        and all(_is_a(event[name], _EXIT_FIELDS[name]) for name in event.keys() & _EXIT_FIELDS)
        and is_time(event["time"])
        and all(map(files.is_returned, event["files"]))
        and (not event.get("files_omitted") or files.are_omitted(event["files_omitted"]))
        and ("cell" not in event or cells.is_end(event["cell"]))
        and (not event.get("listed") or files.are_listed(event["listed"]))
    )


def _is_a(value: Any, types: tuple[type, ...]) -> bool:
    """Return whether it has one of these types. True is not an int; NaN and infinity fail."""
    if type(value) not in types:
        return False
    return not isinstance(value, _NUMBER) or abs(value) <= _LARGEST


def is_time(value: Any) -> bool:
    """Return whether it is a Unix time that a status can hold."""
    return _is_a(value, _NUMBER) and 0 <= value < _LATEST
