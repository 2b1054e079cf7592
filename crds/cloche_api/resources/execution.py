"""SandboxExecution: a program that is run once."""

from __future__ import annotations

from enum import StrEnum

from pydantic import ConfigDict, Field

from cloche_api import limits
from cloche_api.resources.amounts import ResourceAmounts
from cloche_api.resources.base import Resource, rules
from cloche_api.resources.fields.placement import WaitingPod
from cloche_api.resources.input import SIZE_RULE, Code, Input, OutputPattern
from cloche_api.resources.source import SourceReference, SourceSpec

_CODE_RULE = {
    "rule": "has(self.code) || has(self.source) || has(self.action)",
    "message": "the source code of the program",
    "reason": "FieldValueRequired",
    "fieldPath": ".code",
}
_SPEC_RULES = rules(
    (
        (
            "!has(self.source) || !(has(self.code) || has(self.stdin) || has(self.args) || "
            "has(self.environment) || has(self.files))"
        ),
        "code, stdin, args, environment and files must be absent if source is set",
    ),
    (
        (
            "!has(self.action) || (has(self.session) && self.session.startsWith('sbs-') && "
            "!(has(self.code) || has(self.stdin) || has(self.args) || has(self.environment) || "
            "has(self.entry) || has(self.resources)) && (self.action == 'WriteFiles' "
            "? (has(self.files) || has(self.source)) && !has(self.outputFiles) "
            ": has(self.outputFiles) == (self.action != 'Restart') && !has(self.files) && "
            "!has(self.source)))"
        ),
        (
            "an action needs a session and has no program: WriteFiles has only files, Restart has "
            "nothing, and the other actions have only outputFiles"
        ),
    ),
    SIZE_RULE,
)
_SPEC_RULES["x-kubernetes-validations"].insert(0, _CODE_RULE)


class Concurrency(Resource):
    """The concurrency limit of a group of executions and sessions. Further ones wait in the queue.

    A session and the executions in it count as one.
    """

    group: str = Field(pattern=limits.LABEL_VALUE, max_length=63)
    """Name of the group within the tenant: the name of the API key."""
    limit: int = Field(ge=1, le=limits.CONCURRENCY_MAX)
    """Maximum number of executions and sessions at the same time."""


class Action(StrEnum):
    """What is done with the files of a session, or with its interpreter, instead of a program."""

    WRITE_FILES = "WriteFiles"
    READ_FILES = "ReadFiles"
    LIST_FILES = "ListFiles"
    REMOVE_FILES = "RemoveFiles"
    RESTART = "Restart"


class ExecutionSpec(Input):
    """The program to run. All fields are immutable except `cancel`."""

    model_config = ConfigDict(json_schema_extra=_SPEC_RULES)

    language: str = Field(pattern=limits.LANGUAGE_NAME, max_length=63)
    """Name or alias of a SandboxRuntime."""
    code: Code | None = None
    """Source code of the program. Required unless `source` or `action` is set."""
    action: Action | None = None
    """What to do with the files of the session instead of running a program: WriteFiles writes
    `files`. ReadFiles returns the files that match `outputFiles`, ListFiles their sizes and times,
    and RemoveFiles removes them. Restart starts the interpreter of the session anew. Requires a
    `session`."""
    entry: str | None = Field(default=None, pattern=limits.ENTRY_NAME, max_length=63)
    """Name of the entry of the SandboxRuntime that runs the program, for example pytest. If absent,
    the program is run directly."""
    source: SourceReference | None = None
    """Reference to the SandboxSource with code, stdin, args, environment and files, which must then
    be absent here. Only the gateway may set it."""
    output_files: list[OutputPattern] | None = Field(
        default=None, max_length=limits.OUTPUT_FILES_ENTRIES
    )
    """Glob patterns of the files to return, relative to the working directory or below /tmp,
    /workspace, /mnt/data or /home/user."""
    timeout_seconds: float = Field(
        # Not TIMEOUT_SECONDS_MIN: for an integer, the API server rounds a minimum down.
        default=limits.TIMEOUT_SECONDS_DEFAULT,
        gt=0,
        le=limits.TIMEOUT_SECONDS_MAX,
    )
    """Time limit in seconds for compiling and running, or for running alone if
    `compileTimeoutSeconds` is set. Time in the queue does not count."""
    compile_timeout_seconds: float | None = Field(default=None, gt=0, le=limits.TIMEOUT_SECONDS_MAX)
    """Time limit in seconds for compiling. That of the runtime's compiler also applies, and
    compiling and running end after 300 seconds together. Without a compiler it has no effect."""
    merge_output: bool | None = None
    """Whether the program writes standard output and standard error to one stream, `stdout` of the
    status, in the order written. Absent means false."""
    resources: ResourceAmounts | None = None
    """CPU, memory and disk for the program. Defaults to those of the runtime."""
    session: str | None = Field(default=None, pattern=limits.LABEL_VALUE, max_length=63)
    """Name of the SandboxSession (sbs-…) to run in. Any other value is a label by which related
    executions can be found. Only the gateway may set it."""
    session_id: str | None = Field(
        default=None, min_length=1, max_length=limits.SESSION_ID_CHARACTERS, alias="sessionID"
    )
    """The `session_id` of the HTTP request, if that is not a valid label value. `session` is then
    derived from it. Only the gateway may set it."""
    tenant: str | None = Field(default=None, pattern=limits.LABEL_VALUE, max_length=63)
    """Tenant that owns the execution. Only the gateway may set it."""
    concurrency: Concurrency | None = None
    """Concurrency limit that the execution counts towards. Only the gateway may set it."""
    waiting_pod: WaitingPod | None = None
    """The Pod of the pool, or of the session, that may get the program without a further claim. The
    operator sends the program to this Pod at once, or claims a Pod in the status. Only the gateway
    may set it."""
    ttl_seconds_after_finished: int = Field(default=limits.TTL_SECONDS_DEFAULT, ge=0, le=31_536_000)
    """Seconds for which the execution is kept after it has ended."""
    cancel: bool = False
    """Set to true to cancel the execution. It cannot be set back to false."""

    @property
    def total_seconds(self) -> float:
        """The longest time that compiling and running may take together."""
        total = self.timeout_seconds + (self.compile_timeout_seconds or 0)
        return min(total, limits.TIMEOUT_SECONDS_MAX)


def with_input(spec: ExecutionSpec, source: SourceSpec) -> ExecutionSpec:
    """Return the spec of an execution with the content of its source."""
    given = {field: getattr(source, field) for field in (*Input.model_fields, "code")}
    return spec.model_copy(update=given)
