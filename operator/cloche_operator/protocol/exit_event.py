"""The `exit` event of an execution (docs/design/protocol.md): its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from cloche_operator.protocol import cells, files


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
    last: NotRequired[bool]
    syntax_error: str | None
    cell: NotRequired[cells.CellEnd]


NUMBER = (int, float)
EXIT_FIELDS: dict[str, tuple[type, ...]] = {
    "time": NUMBER,
    "exit_code": (int,),
    "signal": (int, type(None)),
    "timed_out": (bool,),
    "out_of_memory": (bool,),
    "disk_full": (bool,),
    "compiler_failed": (bool,),
    "execution_seconds": (*NUMBER, type(None)),
    "compile_seconds": (*NUMBER, type(None)),
    "check_seconds": (*NUMBER, type(None)),
    "cpu_seconds": (*NUMBER, type(None)),
    "max_memory_bytes": (int, type(None)),
    "compile_cpu_seconds": (*NUMBER, type(None)),
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
    "last": (bool,),
    "cell": (dict,),
}
ADDED = {
    *("cell", "compile_cpu_seconds", "compile_max_memory_bytes", "files_omitted"),
    *("last", "listed", "problem"),
}
"""Fields that a supervisor of an earlier image does not write, or not after each execution."""
