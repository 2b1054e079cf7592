"""Where the Pods of a runtime run, and how they get their image: fields of Kubernetes."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from cloche_api.resources.base import Resource


class PullPolicy(StrEnum):
    """The image pull policies of Kubernetes."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class TolerationOperator(StrEnum):
    """The operators of a toleration."""

    EXISTS = "Exists"
    EQUAL = "Equal"


class TaintEffect(StrEnum):
    """The effects of a taint."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(Resource):
    """A Kubernetes toleration."""

    key: str | None = Field(default=None, max_length=316)
    """Key of the taint."""
    operator: TolerationOperator | None = None
    """Exists or Equal."""
    value: str | None = Field(default=None, max_length=63)
    """Value of the taint."""
    effect: TaintEffect | None = None
    """Effect of the taint. If absent, all effects are tolerated."""
    toleration_seconds: int | None = Field(default=None, ge=0)
    """Seconds for which a NoExecute taint is tolerated."""


class WaitingPod(Resource):
    """A Pod that waits in the pool of a runtime. Its UID is never used again."""

    name: str = Field(max_length=253, pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")
    """Name of the Pod."""
    uid: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")
    """UID of the Pod."""
