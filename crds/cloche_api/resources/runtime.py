"""SandboxRuntime: a language that programs can be written in."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from cloche_api import limits
from cloche_api.resources.amounts import ResourceAmounts, UsedResources
from cloche_api.resources.base import CommandLine, Resource, rules
from cloche_api.resources.fields.conditions import Conditions
from cloche_api.resources.fields.placement import PullPolicy, Toleration, WaitingPod
from cloche_api.resources.prestart import Prestart


class Compile(Resource):
    """How to compile the source."""

    command: CommandLine
    """Command line of the compiler, run in the working directory."""
    timeout_seconds: int = Field(default=60, ge=1, le=limits.TIMEOUT_SECONDS_MAX)
    """Time limit of the compiler in seconds. The timeout of the execution also applies."""


class Command(Resource):
    """A command line, run in the working directory without a shell."""

    command: CommandLine
    """The program and its arguments."""


_Message = Annotated[
    str,
    # Six characters in a row that are not `*`, so that no ordinary line matches by chance.
    StringConstraints(min_length=6, max_length=200, pattern=r"[^*]{6}"),
]
_Messages = Annotated[list[_Message], Field(max_length=32)]


class FailureMessages(Resource):
    """Lines by which the language's own tools report why they failed.

    A failed program, compiler or syntax check is searched for them in its standard error (of the
    compiler and the check, all output). `*` in a line matches any text.
    """

    out_of_memory: _Messages | None = None
    """Lines that mean that memory ran out."""
    disk_full: _Messages | None = None
    """Lines that mean that the working directory is full, besides those of the C library."""
    compiler_failed: _Messages | None = None
    """Lines that mean that the compiler or the syntax check itself failed and did not decide
    whether the code is valid."""


def _at_most(least: str, most: str) -> tuple[tuple[str, str], ...]:
    """Return the rules that no amount of `least` is more than that of `most`."""
    return tuple(
        (
            (
                f"!has(self.{least}) || !has(self.{least}.{name}) || "
                f"quantity(string(self.{least}.{name})).compareTo("
                f"quantity(string(self.{most}.{name}))) <= 0"
            ),
            f"{least}.{name} must not be more than {most}.{name}",
        )
        for name in ("cpu", "memory", "disk")
    )


class ByteOrderMark(StrEnum):
    """What happens to a UTF-8 byte order mark at the beginning of a source file."""

    KEEP = "Keep"
    REMOVE = "Remove"


class LineEnds(StrEnum):
    """What happens to the line ends of a source file."""

    KEEP = "Keep"
    UNIX = "Unix"


class SourceText(Resource):
    """How to change source files that the language's tools would not accept as they were saved."""

    files: (
        Annotated[
            list[Annotated[str, StringConstraints(pattern=r"^[^/\s]+$", max_length=64)]],
            Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """Glob patterns of the names of source files among the files of an execution, in any folder,
    for example *.java. The source itself always counts."""
    byte_order_mark: ByteOrderMark = ByteOrderMark.KEEP
    """`Remove` removes a UTF-8 byte order mark."""
    line_ends: LineEnds = LineEnds.KEEP
    """`Unix` writes CR LF as LF in a file in which most lines end with CR LF."""


class Entry(Resource):
    """Another way to run a program, which an execution chooses by its name."""

    name: str = Field(pattern=limits.ENTRY_NAME, max_length=63)
    """Name of the entry, for example pytest."""
    compile: Compile | None = None
    """How to compile the source. Defaults to that of the runtime."""
    run: Command
    """How to run the program. The arguments of the execution are appended."""


class RuntimeResources(Resource):
    """Minimum, default and maximum resources of an execution."""

    model_config = ConfigDict(
        json_schema_extra=rules(*_at_most("minimum", "defaults"), *_at_most("defaults", "maximum"))
    )

    minimum: ResourceAmounts | None = None
    """Minimum resources that an execution may specify, where the language does not start with
    less."""

    defaults: UsedResources = Field(
        default_factory=lambda: UsedResources(cpu="1", memory="512Mi", disk="100Mi")
    )
    """Resources of an execution that does not specify them."""
    maximum: UsedResources = Field(
        default_factory=lambda: UsedResources(cpu="2", memory="2Gi", disk="1Gi")
    )
    """Maximum resources that an execution may specify."""


class Reuse(StrEnum):
    """Whether a Pod may run more than one execution."""

    NEVER = "Never"
    SAME_TENANT = "SameTenant"


class Pool(Resource):
    """The pool of Pods that wait for executions of this runtime."""

    size: int = Field(default=0, ge=0, le=1000)
    """Number of Pods to keep waiting."""
    reuse: Reuse = Reuse.NEVER
    """`Never` runs one execution in each Pod. `SameTenant` lets a Pod run further executions of the
    same tenant."""
    max_executions_per_pod: int = Field(default=1000, ge=1, le=10_000)
    """Maximum number of executions in a Pod if `reuse` is `SameTenant`."""


class RuntimeSpec(Resource):
    """A language: its image, its commands, its resources and its pool."""

    image: str = Field(min_length=1, max_length=1024, pattern=r"^[^\s]+$")
    """Container image that contains the supervisor."""
    image_pull_policy: PullPolicy = PullPolicy.IF_NOT_PRESENT
    """Image pull policy."""
    version: str | None = Field(default=None, max_length=64)
    """Version of the language in the image. It is only displayed."""
    aliases: (
        Annotated[
            list[Annotated[str, StringConstraints(pattern=limits.LANGUAGE_NAME, max_length=63)]],
            Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """Other names of the language."""
    file_name: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """File name of the source in the working directory, for example main.py."""
    source: SourceText | None = None
    """How to change source files before they are written. If absent, they are not changed."""
    compile: Compile | None = None
    """How to compile the source. Absent if the language has no compiler."""
    run: Command
    """How to run the program. The arguments of the execution are appended."""
    entries: (
        Annotated[
            list[Entry],
            Field(
                max_length=16,
                json_schema_extra={
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                },
            ),
        ]
        | None
    ) = None
    """Other ways to run a program, for example the test frameworks of the language."""
    cells: Command | None = None
    """Command of the interpreter that runs the cells of a session which keeps its interpreter.
    Absent if the language has none."""
    syntax_check: Command | None = None
    """Command that checks the syntax of the source after a failed run. If it fails, the code is
    invalid."""
    failure_messages: FailureMessages | None = None
    """Lines by which the language's own tools report why they failed."""
    environment: dict[str, Annotated[str, StringConstraints(max_length=4096)]] | None = Field(
        default=None,
        max_length=64,
        json_schema_extra=rules(
            (
                f"self.all(k, k.matches('{limits.ENVIRONMENT_NAME}'))",
                "names must be letters, digits and underscores, and must not start with a digit",
            )
        ),
    )
    """Environment variables of every program. Those of the execution take precedence."""
    prestart: Prestart | None = None
    """Processes that are started in the Pods of the pool before there is an execution."""
    resources: RuntimeResources = Field(default_factory=RuntimeResources)
    """Minimum, default and maximum resources of an execution."""
    pool: Pool = Field(default_factory=Pool)
    """The pool of waiting Pods."""
    runtime_class_name: str | None = Field(
        default=None, max_length=253, pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
    )
    """RuntimeClass of the Pods. Defaults to that of the installation."""
    node_selector: dict[str, Annotated[str, StringConstraints(max_length=63)]] | None = Field(
        default=None, max_length=32
    )
    """Labels that a node must have to run the Pods."""
    tolerations: (
        Annotated[
            list[Toleration],
            Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
        ]
        | None
    ) = None
    """Tolerations of the Pods."""


class RuntimeStatus(Resource):
    """Observed state of the runtime and its pool."""

    wanted: int | None = Field(default=None, ge=0)
    """Number of Pods that should be waiting."""
    ready: int | None = Field(default=None, ge=0)
    """Number of Pods that are waiting."""
    claimed: int | None = Field(default=None, ge=0)
    """Number of Pods that run an execution or belong to a session."""
    starting: int | None = Field(default=None, ge=0)
    """Number of Pods that are starting."""
    selector: str | None = Field(default=None, max_length=1024)
    """The labels of its waiting Pods, for autoscalers (the scale subresource)."""
    hits: int | None = Field(default=None, ge=0)
    """Number of executions that found a waiting Pod, since the leading operator started."""
    misses: int | None = Field(default=None, ge=0)
    """Number of executions that found no waiting Pod although the pool has Pods with their
    resources, since the leading operator started."""
    health_failures: int | None = Field(default=None, ge=0)
    """Number of Pods that failed while they were waiting, since the leading operator started."""
    waiting_pods: (
        Annotated[
            list[WaitingPod],
            Field(
                max_length=limits.WAITING_PODS,
                json_schema_extra={"x-kubernetes-list-type": "atomic"},
            ),
        ]
        | None
    ) = None
    """Pods of the pool that the gateway may name in an execution: those that wait, and those that
    will wait again. A large pool shows only some of them."""
    observed_generation: int | None = Field(default=None, ge=0)
    """The metadata.generation that the status was set for."""
    conditions: Conditions | None = None
    """Conditions of the runtime. `Ready` is False if its Pods cannot run programs, with the reason.
    `StorageAvailable` is False if the stored executions leave no space for more. `AliasesUnique` is
    False if another runtime has one of the aliases. `LocalhostAvailable` is False if programs
    cannot use 127.0.0.1, with the reason."""


class UnknownEntryError(Exception):
    """A runtime has no entry with this name. The message names those that it has."""

    def __init__(self, runtime: RuntimeSpec, name: str) -> None:
        names = ", ".join(entry.name for entry in runtime.entries or ()) or "it has none"
        super().__init__(f"the language has no entry {name!r}; entries: {names}")


def commands(runtime: RuntimeSpec, entry: str | None) -> tuple[Compile | None, Command]:
    """Return how to compile and how to run a program with this entry, or without one.

    Raises:
        UnknownEntryError: the runtime has no such entry.
    """
    if entry is None:
        return runtime.compile, runtime.run
    for one in runtime.entries or ():
        if one.name == entry:
            return one.compile or runtime.compile, one.run
    raise UnknownEntryError(runtime, entry)
