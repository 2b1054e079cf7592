"""The status of a SandboxExecution."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from cloche_api import limits
from cloche_api.resources.amounts import UsedResources
from cloche_api.resources.base import Resource
from cloche_api.resources.fields.conditions import Conditions
from cloche_api.resources.phases import Phase


class Usage(Resource):
    """Resources that the program or the compiler used, as far as they were measured."""

    cpu_seconds: float | None = None
    """CPU time of all its processes in seconds."""
    max_memory_bytes: int | None = None
    """Peak of the container's memory in bytes, if it was reached meanwhile. If something before
    used more, the peak of the largest process."""


class OutputFile(Resource):
    """A file that matched `outputFiles`."""

    path: str = Field(max_length=4096)
    """Path relative to the working directory."""
    content_base64: str = Field(max_length=4 * limits.OUTPUT_FILES_BYTES // 3 + 4)
    """Content in base64."""


class OmittedFile(Resource):
    """A file that matched `outputFiles` and was left out."""

    path: str = Field(max_length=4096)
    """Path relative to the working directory. Bytes that are not UTF-8 are replaced by U+FFFD."""
    size: int = Field(ge=0)
    """Size in bytes."""
    reason: str = Field(max_length=64, pattern=r"^[A-Z][A-Za-z0-9]*$")
    """TooLarge (for all files together), NoSpaceLeft (after the files before it), TooMany,
    PathTooLong or NameNotUTF8."""


class ListedFile(Resource):
    """A file that an action has written, found or removed."""

    path: str = Field(max_length=4096)
    """Path relative to the working directory. Bytes that are not UTF-8 are replaced by U+FFFD."""
    size: int = Field(ge=0)
    """Size in bytes."""
    modified_time: datetime
    """Time of its last modification, which a program can set to any time."""


class ResultKind(StrEnum):
    """Whether a result is the value of the last expression of a cell, or was displayed by it."""

    RESULT = "Result"
    DISPLAY = "Display"


class CellResult(Resource):
    """Something that a cell shows, as the cell says."""

    kind: ResultKind
    """Result for the value of the last expression, otherwise Display."""
    data: dict[str, Annotated[str, StringConstraints(max_length=limits.RESULTS_BYTES)]] = Field(
        max_length=limits.RESULT_TEXTS
    )
    """Representations by MIME type. Images except SVG are in base64, and JSON is a text."""


class CellError(Resource):
    """The exception that ended a cell, as the cell says."""

    name: str = Field(max_length=limits.ERROR_NAME_CHARACTERS)
    """Its class."""
    value: str = Field(max_length=limits.ERROR_VALUE_CHARACTERS)
    """Its message."""
    traceback: str = Field(max_length=limits.ERROR_TRACEBACK_CHARACTERS)
    """The lines in which the language reports it."""


class ExecutionStatus(Resource):
    """Observed state of the execution. It does not change after the phase is terminal."""

    phase: Phase = Phase.PENDING
    """Pending, Running, or a terminal phase: Completed, TimedOut, Cancelled or Error."""
    reason: str | None = Field(default=None, max_length=64, pattern=r"^[A-Z][A-Za-z]*$")
    """Reason for the phase in CamelCase."""
    message: str | None = Field(default=None, max_length=4096)
    """Details in human-readable form."""
    exit_code: int | None = None
    """Exit code of the program, or 128+n if signal n ended it."""
    signal: int | None = None
    """Number of the signal that ended the program, if any."""
    stdout: str | None = Field(default=None, max_length=limits.STDOUT_BYTES)
    """Standard output of the program. Bytes that are not UTF-8 are replaced by U+FFFD."""
    stderr: str | None = Field(default=None, max_length=limits.STDERR_BYTES)
    """Standard error of the program, decoded like `stdout`."""
    stdout_truncated: bool | None = None
    """Whether `stdout` contains less than the program wrote."""
    stderr_truncated: bool | None = None
    """Whether `stderr` contains less than the program wrote."""
    output_order: list[int] | None = Field(default=None, max_length=limits.OUTPUT_ORDER_ENTRIES)
    """The order of `stdout` and `stderr`: lengths of their pieces in characters (Unicode code
    points), alternately of `stdout` and `stderr`. What follows the last piece has no recorded
    order. Absent if all of `stdout` was written first, or one of them is empty."""
    stdout_bytes: int | None = None
    """Bytes that the program wrote to standard output, including those that were not kept."""
    stderr_bytes: int | None = None
    """Bytes that the program wrote to standard error, including those that were not kept."""
    files: list[OutputFile] | None = Field(default=None, max_length=1024)
    """Files that matched `outputFiles`."""
    files_truncated: bool | None = None
    """Whether matching files are missing because they exceeded a limit."""
    files_omitted: list[OmittedFile] | None = Field(
        default=None, max_length=limits.OMITTED_FILES_ENTRIES
    )
    """Files that are missing, with their sizes: the first 100, with names of 8 KiB together."""
    listed_files: list[ListedFile] | None = Field(
        default=None, max_length=limits.LISTED_FILES_ENTRIES
    )
    """Files that an action has written, found or removed."""
    results: list[CellResult] | None = Field(default=None, max_length=limits.RESULTS_ENTRIES)
    """What a cell of a session that keeps its interpreter shows. Absent for other programs."""
    results_truncated: bool | None = None
    """Whether results or representations of them are missing because they exceeded a limit."""
    error: CellError | None = None
    """The exception that ended a cell."""
    state_lost: bool | None = None
    """Whether the interpreter of the session ended in this cell or since the one before, so that
    what earlier cells defined is lost. Absent for other programs."""
    queued_time: datetime | None = None
    """Time at which the operator first saw the execution."""
    claimed_time: datetime | None = None
    """Time at which the operator took the execution from the queue."""
    start_time: datetime | None = None
    """Time at which the supervisor started the program."""
    completion_time: datetime | None = None
    """Time at which the execution ended."""
    recorded_time: datetime | None = None
    """Time at which the operator recorded the end."""
    expiration_time: datetime | None = None
    """Time at which the execution is deleted, unless its storage is needed earlier."""
    stored_bytes: int | None = Field(default=None, ge=0)
    """Size of spec and status in etcd in bytes. Set when the execution has ended."""
    execution_seconds: float | None = None
    """Wall time of the program in seconds, measured in the Pod."""
    compile_seconds: float | None = None
    """Wall time of the compiler in seconds."""
    check_seconds: float | None = None
    """Wall time in seconds of the syntax check after a failed run."""
    usage: Usage | None = None
    """Resources that the program used, without the compiler. Absent if the supervisor ended without
    a report."""
    compile_usage: Usage | None = None
    """Resources that the compiler used."""
    resources: UsedResources | None = None
    """Resource limits of the program."""
    runtime_generation: int | None = None
    """The metadata.generation of the SandboxRuntime that the program ran with."""
    waiting_pod_refused: bool | None = None
    """Whether the operator has refused `spec.waitingPod`, because the execution has to wait. That
    Pod does not get the program, unless it is claimed."""
    pod_name: str | None = Field(default=None, max_length=253)
    """Name of the Pod that runs or ran the program."""
    pod_uid: str | None = Field(default=None, max_length=64, alias="podUID")
    """UID of the Pod."""
    node_name: str | None = Field(default=None, max_length=253)
    """Name of the node of the Pod."""
    warm: bool | None = None
    """Whether the Pod was waiting in a pool when the execution was claimed."""
    conditions: Conditions | None = None
    """Conditions of the execution. `Finished` is True when the phase is terminal."""
