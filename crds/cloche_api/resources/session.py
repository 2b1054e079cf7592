"""SandboxSession: a Pod that keeps its files from one execution to the next."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from cloche_api import limits
from cloche_api.resources.amounts import ResourceAmounts, UsedResources
from cloche_api.resources.base import Resource
from cloche_api.resources.execution import Concurrency
from cloche_api.resources.fields.conditions import Conditions


class Stateful(StrEnum):
    """What of a program lasts until the next one, besides files."""

    INTERPRETER = "Interpreter"


class SessionSpec(Resource):
    """The session to create. All fields are immutable except the two times."""

    language: str = Field(pattern=limits.LANGUAGE_NAME, max_length=63)
    """Name or alias of the SandboxRuntime of all executions in the session."""
    tenant: str | None = Field(default=None, pattern=limits.LABEL_VALUE, max_length=63)
    """Tenant that owns the session. Only the gateway may set it."""
    resources: ResourceAmounts | None = None
    """CPU, memory and disk for the programs. Defaults to those of the runtime."""
    stateful: Stateful | None = None
    """`Interpreter` runs each execution as a cell in one interpreter, which keeps names and imports
    from one to the next. Requires `cells` of the runtime. If absent, only files last."""
    concurrency: Concurrency | None = None
    """Concurrency limit that the session counts towards. Only the gateway may set it."""
    idle_timeout_seconds: int = Field(
        default=limits.SESSION_IDLE_SECONDS_DEFAULT, ge=1, le=limits.SESSION_SECONDS_MAX
    )
    """Seconds without an execution after which the session ends."""
    lifetime_seconds: int = Field(
        default=limits.SESSION_LIFETIME_SECONDS_DEFAULT, ge=1, le=limits.SESSION_SECONDS_MAX
    )
    """Seconds after which the session ends, used or not, from the moment that it is ready."""


IDLE_TIMEOUT, LIFETIME_EXCEEDED = "IdleTimeout", "LifetimeExceeded"
"""The reasons for the end of a session that has been ready and has expired."""


class SessionPhase(StrEnum):
    """The phases of a session. Ended is terminal."""

    PENDING = "Pending"
    READY = "Ready"
    ENDED = "Ended"


class SessionStatus(Resource):
    """Observed state of the session. It does not change after the phase is Ended."""

    phase: SessionPhase = SessionPhase.PENDING
    """Pending until the Pod can run programs, then Ready, finally Ended."""
    reason: str | None = Field(default=None, max_length=64, pattern=r"^[A-Z][A-Za-z]*$")
    """Reason for the phase in CamelCase."""
    message: str | None = Field(default=None, max_length=4096)
    """Details in human-readable form."""
    pod_name: str | None = Field(default=None, max_length=253)
    """Name of the Pod that keeps the files."""
    pod_uid: str | None = Field(default=None, max_length=64, alias="podUID")
    """UID of the Pod."""
    node_name: str | None = Field(default=None, max_length=253)
    """Name of the node of the Pod."""
    resources: UsedResources | None = None
    """Resource limits of the Pod, which the programs share."""
    runtime_generation: int | None = Field(default=None, ge=0)
    """The metadata.generation of the SandboxRuntime that the Pod was created from."""
    observed_generation: int | None = Field(default=None, ge=0)
    """The metadata.generation of the session whose times the operator has taken over."""
    last_used_time: datetime | None = None
    """Time at which an execution last ran in the session. It is updated with a delay of some
    seconds."""
    expires_at: datetime | None = None
    """Time at which the session ends if it is not used before: after the idle timeout or at the end
    of the lifetime."""
    conditions: Conditions | None = None
    """Conditions of the session. `Ready` is True while executions can run in it."""
