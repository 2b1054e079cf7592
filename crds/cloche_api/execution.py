"""SandboxExecution: a program that is run once."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from cloche_api import limits
from cloche_api.amounts import ResourceAmounts
from cloche_api.input import SIZE_RULE, Code, FilePath, Input
from cloche_api.model import Resource, rules
from cloche_api.source import SourceReference, SourceSpec

_CODE_RULE = {
    "rule": "has(self.code) || has(self.source)",
    "message": "the program's source",
    "reason": "FieldValueRequired",
    "fieldPath": ".code",
}
_SPEC_RULES = rules(
    (
        (
            "!has(self.source) || !(has(self.code) || has(self.stdin) || has(self.args) || "
            "has(self.environment) || has(self.files))"
        ),
        "code, stdin, args, environment and files must be absent where there is a source",
    ),
    SIZE_RULE,
)
_SPEC_RULES["x-kubernetes-validations"].insert(0, _CODE_RULE)


class Concurrency(Resource):
    """How many of a group's executions and sessions there may be at a time; more wait in the queue.

    An execution in a session counts as that session does, whose executions run one at a time.
    """

    group: str = Field(pattern=limits.LABEL_VALUE, max_length=63)
    """What is counted together, within the tenant: the API key's name."""
    limit: int = Field(ge=1, le=limits.CONCURRENCY_MAX)
    """How many may run."""


class ExecutionSpec(Input):
    """What is to be run. Nothing of it may change later but `cancel`."""

    model_config = ConfigDict(json_schema_extra=_SPEC_RULES)

    language: str = Field(pattern=limits.LANGUAGE_NAME, max_length=63)
    """Name or alias of a SandboxRuntime."""
    code: Code | None = None
    """The program's source; absent where `source` is given."""
    source: SourceReference | None = None
    """Where code, stdin, args, environment and files are, which are absent then. Only the gateway
    may set it."""
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
    """The SandboxSession that it runs in, where the name of one (sbs-…); else a label to find
    related executions by. Only the gateway may set it."""
    tenant: str | None = Field(default=None, pattern=limits.LABEL_VALUE, max_length=63)
    """Whose execution it is. Only the gateway may set it."""
    concurrency: Concurrency | None = None
    """How many like it may run at a time. Only the gateway may set it."""
    ttl_seconds_after_finished: int = Field(default=limits.TTL_SECONDS_DEFAULT, ge=0, le=31_536_000)
    """Seconds that the record is kept once the execution has ended."""
    cancel: bool = False
    """Set to true to stop the execution. The only field that may change."""


def with_input(spec: ExecutionSpec, source: SourceSpec) -> ExecutionSpec:
    """Return the spec of an execution with the content of its source."""
    given = {field: getattr(source, field) for field in (*Input.model_fields, "code")}
    return spec.model_copy(update=given)
