"""Models of request and response bodies. Their docstrings are part of the OpenAPI document.

`requests/validation.py` checks sizes in bytes and everything that depends on the language's
runtime.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cloche_api import limits


class Body(BaseModel):
    """What all bodies share. Optional fields may be null, as many clients send them."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


class InputFile(Body):
    """A file that the program finds in its working directory. One of the two contents."""

    path: str
    """Relative to the working directory, without `.` or `..` parts."""
    content: str | None = None
    """Its text, written as UTF-8."""
    content_base64: str | None = None
    """Its bytes in base64."""


class Resources(Body):
    """What the program may use, up to the runtime's maximum."""

    cpu: float | None = Field(default=None, allow_inf_nan=False, examples=[1])
    """Cores; default 1, at most 2."""
    memory_mb: int | None = Field(default=None, examples=[512])
    """MiB of memory; default 512, at most 2048."""
    disk_mb: int | None = Field(default=None, examples=[100])
    """MiB of the working directory; default 100, at most 1024 and no more than memory_mb, since
    it lies in memory."""


class ExecuteRequest(Body):
    """One program to run."""

    code: str = Field(examples=['print("Hello, World!")'])
    """The program's source, at most 256 KiB."""
    language: str = Field(examples=["python"])
    """Name or alias of an installed language."""
    stdin: str | None = None
    """What the program reads from its standard input, at most 256 KiB."""
    environment: dict[str, str] | None = Field(
        default=None, max_length=limits.ENVIRONMENT_ENTRIES, examples=[{"MY_VAR": "value"}]
    )
    """Environment variables, at most 64 KiB together."""
    timeout: int | None = Field(default=None, ge=1, le=limits.TIMEOUT_SECONDS_MAX)
    """Seconds that compiling and running may take; default 30."""
    session_id: str | None = None
    """The stateful session to run in (`sbs-…`); any other is a label to find related executions
    by: 1 to 63 of `A-Za-z0-9._-`, alphanumeric at both ends."""
    args: list[str] | None = Field(default=None, max_length=limits.ARGS_ENTRIES)
    """The program's arguments, at most 64 KiB together."""
    files: list[InputFile] | None = Field(default=None, max_length=limits.FILES_ENTRIES)
    """Files put into the working directory, at most 512 KiB together."""
    resources: Resources | None = None
    """What the program may use; the runtime's defaults where absent."""
    output_files: list[str] | None = Field(default=None, max_length=limits.OUTPUT_FILES_ENTRIES)
    """Patterns (glob) of files in the working directory to bring back, 256 KiB together."""
    ttl_seconds: int | None = Field(default=None, ge=0, le=limits.TTL_SECONDS_MAX, examples=[3600])
    """Seconds that the record is kept once the execution has ended; default 3600. With 0 it is
    removed as soon as the request is answered."""


class LanguageInfo(BaseModel):
    """What a language is and may use."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    language: str
    version: str | None
    """The version in the image."""
    aliases: list[str]
    docker_image: str
    file_extension: str
    max_execution_time: int
    """Seconds."""
    max_memory: str
    """In MiB, e.g. `2048MB`."""
    max_cpu: float
    """Cores."""


class PoolState(BaseModel):
    """A language's waiting Pods."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    wanted: int
    """Pods that should wait."""
    ready: int
    """Pods that wait."""
    claimed: int
    """Pods that run an execution or belong to a session."""
    hits: int
    """Executions for which a Pod waited, since the operator began to lead."""
    misses: int
    """Executions for which none waited, though the pool has Pods of their limits."""


class SessionRequest(Body):
    """A Pod whose files last from one execution to the next."""

    language: str = Field(examples=["python"])
    """Name or alias of an installed language: that of all its executions."""
    resources: Resources | None = None
    """What its programs may use; the runtime's defaults where absent."""
    idle_timeout: int | None = Field(default=None, ge=1, le=limits.SESSION_SECONDS_MAX)
    """Seconds without an execution after which it ends; default 600."""
    lifetime: int | None = Field(default=None, ge=1, le=limits.SESSION_SECONDS_MAX)
    """Seconds after which it ends, used or not; default 3600."""


class SessionResponse(BaseModel):
    """A session that is ready."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    session_id: str
    """The `session_id` of the executions that are to run in it."""
    language: str
    expires_at: str | None
    """When it ends if it is not used before."""


class SessionState(SessionResponse):
    """How a session fares."""

    phase: Literal["Pending", "Ready"]
    """Executions run in it once it is Ready, and wait for that while it is Pending."""
    created_at: str
    last_used_at: str | None
    """When its last execution ended; some seconds may pass before it shows."""


class Message(BaseModel):
    """That something was done."""

    message: str


class Usage(BaseModel):
    """What the program used."""

    cpu_seconds: float | None
    max_memory_bytes: int | None


class OutputFile(BaseModel):
    """A file that the program left and that was asked for."""

    path: str
    content_base64: str


class ExecuteResponse(BaseModel):
    """How the program ended and what it printed. Unknown is null."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    execution_id: str
    stdout: str
    stderr: str
    exit_code: int | None
    """128+n when signal n ended it."""
    execution_time: float | None
    """Seconds of the program alone, measured inside its Pod."""
    language: str
    """The language's own name, also when the request used an alias."""
    session_id: str | None
    stdout_truncated: bool
    """Whether there was more than the 256 KiB that are kept."""
    stderr_truncated: bool
    reason: str | None
    """Exited, Signaled, OutOfMemory, InvalidSyntax, DeadlineExceeded, …"""
    usage: Usage | None
    """Null when the supervisor died with the program."""
    queue_time: float | None
    """Seconds that it waited for its turn."""
    files: list[OutputFile] | None = None
    """There only when output_files was given."""
    files_truncated: bool | None = None
    """There only when output_files was given: whether some did not fit."""


class StatusResponse(BaseModel):
    """How far an execution has come."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    execution_id: str
    status: Literal["pending", "running", "completed", "failed", "cancelled"]
    created_at: str
    started_at: str | None
    completed_at: str | None
    result: ExecuteResponse | None
    """There once it has ended, whenever the program had started."""
    detail: str | None
    """What the synchronous call would have said, unless it ended well."""


class BatchItem(ExecuteResponse):
    """One result of a batch."""

    execution_id: str | None  # type: ignore[assignment]  # null if none was created
    language: str | None  # type: ignore[assignment]  # null if the request has none
    error: str | None
    """What the synchronous call would have said, unless it ended well; exit_code is -1 then."""


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
    """Seconds of the program alone, measured inside its Pod."""


class ExecutionList(BaseModel):
    """A page of executions, newest first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    executions: list[ExecutionSummary]
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one."""


class Problem(BaseModel):
    """Every answer that is an error. Where there is an execution, its id, and what is known."""

    detail: str
    execution_id: str | None = None
