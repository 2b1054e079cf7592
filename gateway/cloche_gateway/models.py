"""Models of request and response bodies. Their docstrings are part of the OpenAPI document.

`requests/validation.py` checks sizes in bytes and everything that depends on the language's
runtime.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloche_api import limits
from cloche_gateway.cell_models import CellError, CellResult


class Body(BaseModel):
    """What all bodies share. Optional fields may be null, as many clients send them.

    Unknown fields are ignored, unless `validation.model` forbids them.
    """

    model_config = ConfigDict(
        extra="ignore", strict=True, frozen=True, use_attribute_docstrings=True
    )


Warnings = Annotated[
    list[str] | None,
    Field(
        description="Unknown fields of the request, which were ignored, and values of another "
        "type, which were converted. Present only in the answer to a request that has some.",
        examples=[["colour: unknown field, ignored"]],
    ),
]


Seconds = Annotated[
    float | None,
    Field(ge=limits.TIMEOUT_SECONDS_MIN, le=limits.TIMEOUT_SECONDS_MAX, allow_inf_nan=False),
]


class InputFile(Body):
    """A file in the program's working directory, with either `content` or `content_base64`."""

    path: str
    """Path relative to the working directory, without `.` or `..` parts."""
    content: str | None = None
    """Text, which is written as UTF-8."""
    content_base64: str | None = None
    """Bytes in base64."""


class Resources(Body):
    """Resources of the program, up to the runtime's maximum."""

    cpu: float | None = Field(default=None, allow_inf_nan=False, examples=[1])
    """CPU in cores; default 1, at most 2."""
    memory_mb: int | None = Field(default=None, examples=[512])
    """Memory in MiB; default 512, at most 2048."""
    disk_mb: int | None = Field(default=None, examples=[100])
    """Size of the working directory in MiB; default 100, at most 1024 and at most memory_mb,
    because the working directory is in memory."""


class ExecuteRequest(Body):
    """A program to run."""

    code: str = Field(examples=['print("Hello, World!")'])
    """Source code, at most 256 KiB."""
    language: str = Field(examples=["python"])
    """Name or alias of an installed language."""
    entry: str | None = Field(default=None, examples=["pytest"])
    """Another way to run the program, such as a test framework: one of the language's `entries`.
    If absent, the program is run directly."""
    stdin: str | None = None
    """Standard input, at most 256 KiB."""
    environment: dict[str, str] | None = Field(
        default=None, max_length=limits.ENVIRONMENT_ENTRIES, examples=[{"MY_VAR": "value"}]
    )
    """Environment variables, at most 64 KiB in total."""
    timeout: Seconds = None
    """Timeout for compiling and running, or for running alone if the request has compile_timeout,
    in seconds; default 30."""
    compile_timeout: Seconds = None
    """Timeout for compiling, in seconds. With `timeout` at most 300."""
    session_id: str | None = Field(default=None, min_length=1)
    """The stateful session to run in (`sbs-…`). Any other value is a label to find related
    executions, at most 256 characters."""
    args: list[str] | None = Field(default=None, max_length=limits.ARGS_ENTRIES)
    """The program's arguments, at most 64 KiB in total."""
    files: list[InputFile] | None = Field(default=None, max_length=limits.FILES_ENTRIES)
    """Files for the working directory, at most 512 KiB in total."""
    resources: Resources | None = None
    """Resources of the program; the runtime's defaults if absent."""
    output_files: list[str] | None = Field(default=None, max_length=limits.OUTPUT_FILES_ENTRIES)
    """Glob patterns of files in the working directory to return, at most 256 KiB in total."""
    merge_output: bool | None = None
    """Whether `stdout` gets standard output and standard error, in the order written; default
    false. `stderr` is then empty."""
    ttl_seconds: int | None = Field(default=None, ge=0, le=limits.TTL_SECONDS_MAX, examples=[3600])
    """Seconds to keep the record after the execution has ended; default 3600. With 0 the record is
    removed as soon as the request is answered."""


class LanguageInfo(BaseModel):
    """An installed language and its limits."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    language: str
    version: str | None
    """Version of the language in the image."""
    aliases: list[str]
    entries: list[str]
    """The values of `entry`."""
    docker_image: str
    file_extension: str
    max_execution_time: int
    """Longest timeout in seconds."""
    min_memory: str
    """Least memory in MiB that the language works with, such as `32MB`."""
    min_disk: str
    """Least disk in MiB that the language works with, such as `1MB`."""
    max_memory: str
    """Most memory in MiB, such as `2048MB`."""
    max_cpu: float
    """Most CPU in cores."""


class PoolState(BaseModel):
    """The pool of waiting Pods of a language."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    wanted: int
    """Desired number of waiting Pods."""
    ready: int
    """Number of waiting Pods."""
    claimed: int
    """Number of Pods that run an execution or belong to a session."""
    hits: int
    """Executions that found a waiting Pod since the leading operator took over."""
    misses: int
    """Executions that found none, although the pool has Pods with their resources."""


class Message(BaseModel):
    """The confirmation of an action."""

    message: str


class Usage(BaseModel):
    """Resources that the program or the compiler used."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    cpu_seconds: float | None
    """User and system time of all its processes, in seconds."""
    max_memory_bytes: int | None
    """Most memory in use at a time, in bytes. It includes the supervisor and the files in the
    working directory. If something before it used more, it is the peak of the largest process."""


class OutputFile(BaseModel):
    """A file that matches `output_files`."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    path: str
    """Path relative to the working directory; `/tmp/…` if a pattern begins with `/tmp/`."""
    content_base64: str
    """Bytes in base64."""


class OmittedFile(BaseModel):
    """A file that matches `output_files` and was left out."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    path: str
    """As in `files`. Bytes that are not UTF-8 are replaced by U+FFFD."""
    size: int
    """Size in bytes."""
    reason: Literal["TooLarge", "NoSpaceLeft", "TooMany", "PathTooLong", "NameNotUTF8"]


class ExecuteResponse(BaseModel):
    """The result of an execution. Fields without a known value are null."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    execution_id: str
    stdout: str
    stderr: str
    exit_code: int | None
    """The program's exit code; 128 + n if signal n ended it."""
    execution_time: float | None
    """Seconds of the program alone, measured in its Pod."""
    language: str
    """The language's name, also if the request used an alias."""
    session_id: str | None
    stdout_truncated: bool
    """Whether output beyond the first 256 KiB is missing."""
    stderr_truncated: bool
    reason: str | None
    """Why the execution ended: Exited, Signaled, OutOfMemory, DiskFull, InvalidSyntax,
    CompilerFailed, DeadlineExceeded, …"""
    usage: Usage | None
    """What the program used, without its compiler. Null if the supervisor could not report it."""
    queue_time: float | None
    """Seconds until a Pod was claimed for the execution."""
    compile_seconds: float | None = None
    """Seconds of the compiler. Present only if one was run."""
    compile_usage: Usage | None = None
    """What the compiler used. Present only if one was run."""
    files: list[OutputFile] | None = None
    """Present only if the request has output_files."""
    files_truncated: bool | None = None
    """Whether a file is missing. Present only if the request has output_files."""
    files_omitted: list[OmittedFile] | None = None
    """Files that are missing, at most 100. Present only if there are any."""
    results: list[CellResult] | None = None
    """What a cell shows. These four are present only in a session that keeps its interpreter."""
    results_truncated: bool | None = None
    """Whether results are missing because they exceeded a limit."""
    error: CellError | None = None
    """The exception that ended the cell."""
    state_lost: bool | None = None
    """Whether the interpreter ended in this cell or since the one before, with all it knew."""
    warnings: Warnings = None


class StatusResponse(BaseModel):
    """The status of an execution."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    execution_id: str
    status: Literal["pending", "running", "completed", "failed", "cancelled"]
    created_at: str
    started_at: str | None
    completed_at: str | None
    result: ExecuteResponse | None
    """Null until the execution has ended, and if the program never started."""
    detail: str | None
    """The `detail` of the synchronous route; null if the program ended well or has not ended."""
    warnings: Warnings = None


class BatchItem(ExecuteResponse):
    """A result in a batch."""

    execution_id: str | None  # type: ignore[assignment]  # null if none was created
    language: str | None  # type: ignore[assignment]  # null if the request has none
    error: CellError | str | None  # type: ignore[assignment]  # two meanings
    """The `detail` of the synchronous route, and then exit_code is -1; null if it ended well. Of a
    cell that ended by itself, its exception."""


class ExecutionSummary(BaseModel):
    """An execution in a list."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    execution_id: str
    status: Literal["pending", "running", "completed", "failed", "cancelled"]
    language: str
    session_id: str | None
    created_at: str
    reason: str | None
    exit_code: int | None
    execution_time: float | None
    """Seconds of the program alone, measured in its Pod."""


class ExecutionList(BaseModel):
    """A page of executions, newest first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    executions: list[ExecutionSummary]
    next_cursor: str | None
    """The `cursor` of the next page; null on the last page."""


class ErrorResponse(BaseModel):
    """An error, with the id of the execution if there is one."""

    detail: str
    execution_id: str | None = None
