"""Processes that wait in a Pod of a pool for the program of an execution."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from cloche_api import limits
from cloche_api.resources.base import CommandLine, Resource, rules

PROCESSES_MAX = 8
MODULES_MAX = 1024

_Variable = Annotated[str, StringConstraints(max_length=4096)]
_NamePattern = Annotated[
    str, StringConstraints(max_length=64, pattern=r"^[A-Za-z_][A-Za-z0-9_]*\*?$")
]
_PathPattern = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^/*][^*]*\*?$")]
_Line = Annotated[
    str,
    # Three characters in a row that are not `*`, so that not every line matches.
    StringConstraints(max_length=200, pattern=r"[^*]{3}"),
]


class Stage(StrEnum):
    """The program that a waiting process becomes."""

    COMPILE = "Compile"
    RUN = "Run"


class Replacement(StrEnum):
    """How the source takes the place of a placeholder."""

    NEW_FILE = "NewFile"
    IN_PLACE = "InPlace"


class Placeholder(Resource):
    """A file in the place of the source, for an interpreter that opens it before it waits."""

    content: str = Field(default="", max_length=4096)
    """Its content."""
    replacement: Replacement = Replacement.NEW_FILE
    """`NewFile` removes it and creates the source as a new file. `InPlace` writes the source into
    it."""


class SourceLines(Resource):
    """Lines of the files of an execution."""

    suffixes: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^\.[^/\s]+$", max_length=32)]],
        Field(min_length=1, max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ]
    """The ends of the names of the files that are searched, for example .py."""
    lines: Annotated[list[_Line], Field(min_length=1, max_length=32)]
    """Lines without the blanks around them. `*` matches any text."""


class WaitingProcess(Resource):
    """A process that is started while the Pod waits, and becomes the program of an execution.

    It reads the arguments and the environment of the program from its standard input
    (docs/design/prestart.md).
    """

    name: str = Field(pattern=limits.ENTRY_NAME, max_length=63)
    """Name of the process, for `enabled`."""
    stage: Stage = Stage.RUN
    """`Run` for the program, `Compile` for the compiler."""
    command: CommandLine
    """Command line of the process. It is for commands that begin with the same words; the rest
    of their words are the arguments."""
    environment: dict[str, _Variable] | None = Field(
        default=None,
        max_length=16,
        json_schema_extra=rules(
            (
                f"self.all(k, k.matches('{limits.ENVIRONMENT_NAME}'))",
                "names must be letters, digits and underscores, and must not start with a digit",
            )
        ),
    )
    """Environment variables of the process while it waits, in addition to those of every program.
    It removes them itself."""
    denied_environment: Annotated[list[_NamePattern], Field(max_length=32)] | None = None
    """Names of environment variables that are read at the start, for example PYTHON*. An execution
    that sets one of them to another value is started without the process."""
    denied_paths: Annotated[list[_PathPattern], Field(max_length=32)] | None = None
    """Paths of files that are read at the start, for example .local/lib/python*. An execution with
    such a file, or with one below such a directory, is started without the process."""
    modules: (
        Annotated[
            list[Annotated[str, StringConstraints(pattern=r"^[^/.\s]+$", max_length=64)]],
            Field(max_length=MODULES_MAX),
        ]
        | None
    ) = None
    """Names of the modules that the process has imported. An execution with a file or a directory
    of such a name, with any suffix, is started without the process."""
    placeholder: Placeholder | None = None
    """A file in the place of the source while the process waits. Absent if it needs none."""
    when: SourceLines | None = None
    """The process is only used for executions with one of these lines."""
    unless: SourceLines | None = None
    """The process is not used for executions with one of these lines."""


class Prestart(Resource):
    """Processes that are started in the Pods of the pool before there is an execution.

    If an execution fits none of them, its program is started as usual.
    """

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                (
                    "!has(self.enabled) || self.enabled.all(name, "
                    "has(self.processes) && self.processes.exists(p, p.name == name))"
                ),
                "enabled must contain names of processes only",
            )
        )
    )

    enabled: (
        Annotated[
            list[Annotated[str, StringConstraints(pattern=limits.ENTRY_NAME, max_length=63)]],
            Field(max_length=PROCESSES_MAX, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """Names of the processes that are started. Empty: none."""
    processes: (
        Annotated[
            list[WaitingProcess],
            Field(
                max_length=PROCESSES_MAX,
                json_schema_extra={
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                },
            ),
        ]
        | None
    ) = None
    """Processes that can be started. The first that fits an execution is used."""

    @property
    def started(self) -> list[WaitingProcess]:
        """The processes that are started, in the order of `processes`."""
        names = self.enabled or []
        return [process for process in self.processes or [] if process.name in names]
