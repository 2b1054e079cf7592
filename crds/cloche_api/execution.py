"""SandboxExecution: one program, run once."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from cloche_api import limits
from cloche_api.model import Resource, rules
from cloche_api.quantity import Quantity

_PATH_RULES = rules(
    (
        "!self.startsWith('/') && self.split('/').all(p, p != '' && p != '.' && p != '..')",
        "must be a relative path without empty, '.' or '..' parts",
    ),
    ("!self.contains('\\u0000')", "must not contain a NUL character"),
)
FilePath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=limits.FILE_PATH_CHARACTERS),
    Field(json_schema_extra=_PATH_RULES),
]
"""A path in the working directory, which it cannot leave."""


class Phase(StrEnum):
    """Where an execution stands. All but the first two are terminal."""

    PENDING = "Pending"
    RUNNING = "Running"
    COMPLETED = "Completed"
    TIMED_OUT = "TimedOut"
    CANCELLED = "Cancelled"
    ERROR = "Error"


TERMINAL = frozenset({Phase.COMPLETED, Phase.TIMED_OUT, Phase.CANCELLED, Phase.ERROR})


class Reason(StrEnum):
    """Why a phase was reached. `phase_of` says which phase each belongs to."""

    EXITED = "Exited"
    SIGNALED = "Signaled"
    OUT_OF_MEMORY = "OutOfMemory"
    INVALID_SYNTAX = "InvalidSyntax"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    CANCELLED = "Cancelled"
    DELETED = "Deleted"
    QUEUE_TIMEOUT = "QueueTimeout"
    QUEUE_FULL = "QueueFull"
    INVALID_SPEC = "InvalidSpec"
    INVALID_FILES = "InvalidFiles"
    UNKNOWN_LANGUAGE = "UnknownLanguage"
    RESOURCES_EXCEED_RUNTIME = "ResourcesExceedRuntime"
    POD_EVICTED = "PodEvicted"
    POD_DELETED = "PodDeleted"
    POD_REFUSED = "PodRefused"
    POD_FAILED = "PodFailed"
    NODE_LOST = "NodeLost"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CONTAINER_START_FAILED = "ContainerStartFailed"
    UNSCHEDULABLE = "Unschedulable"
    START_TIMEOUT = "StartTimeout"
    SUPERVISOR_HUNG = "SupervisorHung"
    RESULT_LOST = "ResultLost"
    RESULT_TOO_LARGE = "ResultTooLarge"
    PROTOCOL_ERROR = "ProtocolError"
    INTERNAL_ERROR = "InternalError"


_PHASE_OF = {
    Reason.EXITED: Phase.COMPLETED,
    Reason.SIGNALED: Phase.COMPLETED,
    Reason.OUT_OF_MEMORY: Phase.COMPLETED,
    Reason.INVALID_SYNTAX: Phase.COMPLETED,
    Reason.DEADLINE_EXCEEDED: Phase.TIMED_OUT,
    Reason.CANCELLED: Phase.CANCELLED,
    Reason.DELETED: Phase.CANCELLED,
}


def phase_of(reason: Reason) -> Phase:
    """The terminal phase that a reason belongs to."""
    return _PHASE_OF.get(reason, Phase.ERROR)


_FILES_SIZE = (
    "FILES.map(f, has(f.content) ? f.content.size() : "
    "has(f.contentBase64) ? f.contentBase64.size() * 3 / 4 : 0).sum()"
)
_SPEC_RULES = rules(
    (
        " + ".join(
            (
                "self.code.size()",
                "(has(self.stdin) ? self.stdin.size() : 0)",
                "(has(self.args) ? self.args.map(a, a.size()).sum() : 0)",
                (
                    "(has(self.environment) ? "
                    "self.environment.map(k, k.size() + self.environment[k].size()).sum() : 0)"
                ),
                f"(has(self.files) ? {_FILES_SIZE.replace('FILES', 'self.files')} : 0)",
            )
        )
        + f" <= {limits.SPEC_BYTES}",
        "code, stdin, args, environment and files must be at most 700 KiB together",
    ),
)


class File(Resource):
    """A file that is put into the working directory before the program starts."""

    path: FilePath
    """Where, relative to the working directory."""
    content: str | None = Field(default=None, max_length=limits.FILES_BYTES)
    """The file's text, written as UTF-8."""
    content_base64: str | None = Field(
        default=None,
        max_length=4 * limits.FILES_BYTES // 3 + 4,
        pattern=r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
    )
    """The file's bytes in base64, for what is no text."""


_AMOUNT_RULES = rules(
    *(
        (
            f"!has(self.{name}) || quantity(string(self.{name})).isGreaterThan(quantity('0'))",
            f"{name} must be more than 0",
        )
        for name in ("cpu", "memory", "disk")
    ),
    (
        (
            "!has(self.disk) || !has(self.memory) || "
            "quantity(string(self.disk)).compareTo(quantity(string(self.memory))) <= 0"
        ),
        "disk must not be more than memory, for the working directory lies in memory",
    ),
)


class ResourceAmounts(Resource):
    """Amounts of what a program may use."""

    model_config = ConfigDict(json_schema_extra=_AMOUNT_RULES)

    cpu: Quantity | None = None
    """Cores, e.g. 1 or 500m."""
    memory: Quantity | None = None
    """Memory, e.g. 512Mi. What is written to the working directory counts as memory too."""
    disk: Quantity | None = None
    """Size of the working directory, e.g. 100Mi. It is memory, so no more than `memory`."""


class ExecutionSpec(Resource):
    """What is to be run. Nothing of it may change later but `cancel`."""

    model_config = ConfigDict(json_schema_extra=_SPEC_RULES)

    language: str = Field(pattern=limits.LANGUAGE_NAME, max_length=63)
    """Name or alias of a SandboxRuntime."""
    code: str = Field(
        max_length=limits.CODE_BYTES,
        json_schema_extra=rules(
            (f"bytes(self).size() <= {limits.CODE_BYTES}", "must be at most 256 KiB of UTF-8")
        ),
    )
    """The program's source."""
    args: list[Annotated[str, StringConstraints(max_length=limits.ARGS_BYTES)]] | None = Field(
        default=None,
        max_length=limits.ARGS_ENTRIES,
        json_schema_extra=rules(
            (
                f"self.map(a, bytes(a).size()).sum() <= {limits.ARGS_BYTES}",
                "must be at most 64 KiB together",
            ),
            ("!self.exists(a, a.contains('\\u0000'))", "must not contain a NUL character"),
        ),
    )
    """Arguments of the program."""
    stdin: str | None = Field(
        default=None,
        max_length=limits.STDIN_BYTES,
        json_schema_extra=rules(
            (f"bytes(self).size() <= {limits.STDIN_BYTES}", "must be at most 256 KiB of UTF-8")
        ),
    )
    """What the program reads from its standard input."""
    environment: (
        dict[str, Annotated[str, StringConstraints(max_length=limits.ENVIRONMENT_BYTES)]] | None
    ) = Field(
        default=None,
        max_length=limits.ENVIRONMENT_ENTRIES,
        json_schema_extra=rules(
            (
                f"self.all(k, k.matches('{limits.ENVIRONMENT_NAME}'))",
                "names must be letters, digits and underscores, and must not start with a digit",
            ),
            (
                (
                    "self.map(k, k.size() + bytes(self[k]).size()).sum() <= "
                    f"{limits.ENVIRONMENT_BYTES}"
                ),
                "must be at most 64 KiB together",
            ),
            (
                "!self.exists(k, self[k].contains('\\u0000'))",
                "must not contain a NUL character",
            ),
        ),
    )
    """Environment variables of the program, over the runtime's own."""
    files: list[File] | None = Field(
        default=None,
        max_length=limits.FILES_ENTRIES,
        json_schema_extra=rules(
            (
                "self.all(f, has(f.content) != has(f.contentBase64))",
                "each file must have either content or contentBase64",
            ),
            (
                # Characters: bytes() of 64 such files is over the cost that a rule may have.
                f"{_FILES_SIZE.replace('FILES', 'self')} <= {limits.FILES_BYTES}",
                "must be at most 512 KiB together",
            ),
        ),
    )
    """Files that the program finds in its working directory."""
    output_files: list[FilePath] | None = Field(
        default=None, max_length=limits.OUTPUT_FILES_ENTRIES
    )
    """Patterns (glob) of files in the working directory to bring back."""
    timeout_seconds: int = Field(
        default=limits.TIMEOUT_SECONDS_DEFAULT, ge=1, le=limits.TIMEOUT_SECONDS_MAX
    )
    """Seconds that compiling and running may take; time in the queue does not count."""
    resources: ResourceAmounts | None = None
    """What the program may use; the runtime's defaults where absent."""
    session: str | None = Field(default=None, pattern=limits.LABEL_VALUE, max_length=63)
    """A label to find related executions by."""
    tenant: str | None = Field(default=None, pattern=limits.LABEL_VALUE, max_length=63)
    """Whose execution it is. Only the gateway may set it."""
    ttl_seconds_after_finished: int = Field(default=limits.TTL_SECONDS_DEFAULT, ge=0, le=31_536_000)
    """Seconds that the record is kept once the execution has ended."""
    cancel: bool = False
    """Set to true to stop the execution. The only field that may change."""


class Usage(Resource):
    """What the program used, as far as it is known."""

    cpu_seconds: float | None = None
    """Seconds of processor time of all its processes."""
    max_memory_bytes: int | None = None
    """The most memory that its Pod held at a time."""


class UsedResources(Resource):
    """The limits that the program really had."""

    model_config = ConfigDict(json_schema_extra=_AMOUNT_RULES)

    cpu: Quantity
    """Cores."""
    memory: Quantity
    """Memory."""
    disk: Quantity
    """Size of the working directory."""


class OutputFile(Resource):
    """A file that the program left and that was asked for."""

    path: str = Field(max_length=4096)
    """Where it stood, relative to the working directory."""
    content_base64: str = Field(max_length=4 * limits.OUTPUT_FILES_BYTES // 3 + 4)
    """Its bytes in base64."""


class ConditionStatus(StrEnum):
    """Kubernetes' three values of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Resource):
    """A Kubernetes condition (metav1.Condition)."""

    type: str = Field(max_length=316)
    """What it is about, CamelCase."""
    status: ConditionStatus
    """Whether it holds."""
    reason: str = Field(max_length=1024)
    """Why, CamelCase."""
    message: str = Field(max_length=32768)
    """Why, in words."""
    last_transition_time: datetime
    """Since when."""
    observed_generation: int | None = Field(default=None, ge=0)
    """Which generation of the object it was read from."""


Conditions = Annotated[
    list[Condition],
    Field(
        max_length=8,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]


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
    """What it wrote to its standard output; bytes that are no UTF-8 become U+FFFD."""
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
    expiration_time: datetime | None = None
    """When the record will be removed."""
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
