"""SandboxRuntime: a language that programs can be written in."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from cloche_api import limits
from cloche_api.amounts import UsedResources
from cloche_api.conditions import Conditions
from cloche_api.model import Resource, rules

_Word = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
_Command = Annotated[list[_Word], Field(min_length=1, max_length=64)]


class Compile(Resource):
    """How the source becomes a program."""

    command: _Command
    """The compiler's command line, run in the working directory."""
    timeout_seconds: int = Field(default=60, ge=1, le=limits.TIMEOUT_SECONDS_MAX)
    """Seconds that it may take, within the execution's timeout."""


class Command(Resource):
    """A command line, run in the working directory without a shell."""

    command: _Command
    """Program and arguments."""


class RuntimeResources(Resource):
    """What programs get and what they may ask for."""

    defaults: UsedResources = Field(
        default_factory=lambda: UsedResources(cpu="1", memory="512Mi", disk="100Mi")
    )
    """Where an execution asks for nothing."""
    maximum: UsedResources = Field(
        default_factory=lambda: UsedResources(cpu="2", memory="2Gi", disk="1Gi")
    )
    """The most that an execution may ask for."""


class Reuse(StrEnum):
    """Whether a Pod may run more than one execution."""

    NEVER = "Never"
    SAME_TENANT = "SameTenant"


class Pool(Resource):
    """Pods that wait for executions of this runtime."""

    size: int = Field(default=0, ge=0, le=1000)
    """How many."""
    reuse: Reuse = Reuse.NEVER
    """Whether one may be used again, for the same tenant."""
    max_executions_per_pod: int = Field(default=1000, ge=1, le=10_000)
    """How often, with reuse."""


class PullPolicy(StrEnum):
    """Kubernetes' image pull policies."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class TolerationOperator(StrEnum):
    """How a toleration compares."""

    EXISTS = "Exists"
    EQUAL = "Equal"


class TaintEffect(StrEnum):
    """What a taint does."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(Resource):
    """A Kubernetes toleration."""

    key: str | None = Field(default=None, max_length=316)
    """The taint's key."""
    operator: TolerationOperator | None = None
    """Exists or Equal."""
    value: str | None = Field(default=None, max_length=63)
    """The taint's value."""
    effect: TaintEffect | None = None
    """Which effect is tolerated."""
    toleration_seconds: int | None = Field(default=None, ge=0)
    """How long NoExecute is tolerated."""


class RuntimeSpec(Resource):
    """A language: its image and its commands."""

    image: str = Field(min_length=1, max_length=1024, pattern=r"^[^\s]+$")
    """An image with the supervisor in it."""
    image_pull_policy: PullPolicy = PullPolicy.IF_NOT_PRESENT
    """When to pull it."""
    version: str | None = Field(default=None, max_length=64)
    """The language's version in that image, for people to read."""
    aliases: (
        Annotated[
            list[Annotated[str, StringConstraints(pattern=limits.LANGUAGE_NAME, max_length=63)]],
            Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """Other names of the language, as people write them."""
    file_name: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """The source's name in the working directory, e.g. main.py."""
    compile: Compile | None = None
    """How it is compiled, if it is."""
    run: Command
    """How it is run. The execution's arguments are appended."""
    syntax_check: Command | None = None
    """Asked after a failed run: a failure means that the code is not a valid program."""
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
    """Environment variables of every program; an execution's own stand over them."""
    resources: RuntimeResources = Field(default_factory=RuntimeResources)
    """What programs get and what they may ask for."""
    pool: Pool = Field(default_factory=Pool)
    """Pods that wait for executions."""
    runtime_class_name: str | None = Field(
        default=None, max_length=253, pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
    )
    """A RuntimeClass for its Pods; the installation's default where absent."""
    node_selector: dict[str, Annotated[str, StringConstraints(max_length=63)]] | None = Field(
        default=None, max_length=32
    )
    """Labels that a node must have."""
    tolerations: (
        Annotated[
            list[Toleration],
            Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
        ]
        | None
    ) = None
    """Taints that its Pods tolerate."""


class RuntimeStatus(Resource):
    """How the runtime fares."""

    wanted: int | None = Field(default=None, ge=0)
    """Pods that should wait."""
    ready: int | None = Field(default=None, ge=0)
    """Pods that wait."""
    claimed: int | None = Field(default=None, ge=0)
    """Pods that run an execution or belong to a session."""
    starting: int | None = Field(default=None, ge=0)
    """Pods on their way."""
    hits: int | None = Field(default=None, ge=0)
    """Executions for which a Pod waited, since the leading operator began."""
    misses: int | None = Field(default=None, ge=0)
    """Executions for which none waited, though the pool has Pods of their limits."""
    health_failures: int | None = Field(default=None, ge=0)
    """Pods that broke while they waited, since the leading operator began."""
    observed_generation: int | None = Field(default=None, ge=0)
    """The generation that this was read from."""
    conditions: Conditions | None = None
    """`Ready`, false with the reason when no Pod of it can run; `StorageAvailable`, false when
    the executions that are kept leave no room for more."""
