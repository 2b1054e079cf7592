"""The status of a SandboxExecution."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from cloche_api import limits
from cloche_api.amounts import UsedResources
from cloche_api.conditions import Conditions
from cloche_api.model import Resource
from cloche_api.phases import Phase


class Usage(Resource):
    """What the program used, as far as it is known."""

    cpu_seconds: float | None = None
    """Seconds of processor time of all its processes."""
    max_memory_bytes: int | None = None
    """The most memory that its Pod held at a time."""


class OutputFile(Resource):
    """A file that the program left and that was asked for."""

    path: str = Field(max_length=4096)
    """Where it stood, relative to the working directory."""
    content_base64: str = Field(max_length=4 * limits.OUTPUT_FILES_BYTES // 3 + 4)
    """Its bytes in base64."""


class ExecutionStatus(Resource):
    """How far it got and what came of it. Once the phase is terminal it never changes again."""

    phase: Phase = Phase.PENDING
    """Pending, Running, or how it ended: Completed, TimedOut, Cancelled, Error."""
    reason: str | None = Field(default=None, max_length=64, pattern=r"^[A-Z][A-Za-z]*$")
    """Why it is in that phase, CamelCase."""
    message: str | None = Field(default=None, max_length=4096)
    """Why, in words."""
    exit_code: int | None = None
    """The program's exit code; 128+n when signal n ended it."""
    signal: int | None = None
    """The signal that ended it, if one did."""
    stdout: str | None = Field(default=None, max_length=limits.STDOUT_BYTES)
    """What it wrote to its standard output; bytes that are not UTF-8 become U+FFFD."""
    stderr: str | None = Field(default=None, max_length=limits.STDERR_BYTES)
    """What it wrote to its standard error."""
    stdout_truncated: bool | None = None
    """Whether there was more than is kept."""
    stderr_truncated: bool | None = None
    """Whether there was more than is kept."""
    stdout_bytes: int | None = None
    """Bytes that the program wrote to standard output, kept or not."""
    stderr_bytes: int | None = None
    """Bytes that the program wrote to standard error, kept or not."""
    files: list[OutputFile] | None = Field(default=None, max_length=1024)
    """The files that were asked for and found."""
    files_truncated: bool | None = None
    """Whether some of them did not fit."""
    queued_time: datetime | None = None
    """When the operator first saw it."""
    claimed_time: datetime | None = None
    """When the operator took it out of the queue."""
    start_time: datetime | None = None
    """When the supervisor started the program."""
    completion_time: datetime | None = None
    """When it ended."""
    recorded_time: datetime | None = None
    """When the operator wrote that it had ended."""
    expiration_time: datetime | None = None
    """When the record will be removed, unless room is needed before."""
    stored_bytes: int | None = Field(default=None, ge=0)
    """Bytes of spec and status as they are stored; known once it has ended."""
    execution_seconds: float | None = None
    """Wall time of the program alone, measured inside the Pod."""
    compile_seconds: float | None = None
    """Wall time of its compiler."""
    check_seconds: float | None = None
    """Wall time of the syntax check that followed a failure."""
    usage: Usage | None = None
    """What it used; absent when the supervisor died with the program."""
    resources: UsedResources | None = None
    """The limits that it had."""
    runtime_generation: int | None = None
    """The generation of the SandboxRuntime that it ran with."""
    pod_name: str | None = Field(default=None, max_length=253)
    """The Pod that runs or ran it."""
    pod_uid: str | None = Field(default=None, max_length=64, alias="podUID")
    """The Pod's uid."""
    node_name: str | None = Field(default=None, max_length=253)
    """The node that the Pod was on."""
    warm: bool | None = None
    """Whether the Pod was waiting when the execution came."""
    conditions: Conditions | None = None
    """`Finished`, true once the phase is terminal."""
