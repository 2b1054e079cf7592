"""SandboxSession: a Pod that keeps its files from one execution to the next."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from cloche_api import limits
from cloche_api.amounts import ResourceAmounts, UsedResources
from cloche_api.conditions import Conditions
from cloche_api.execution import Concurrency
from cloche_api.model import Resource


class SessionSpec(Resource):
    """What is to be kept, for whom and how long. Nothing of it may change later."""

    language: str = Field(pattern=limits.LANGUAGE_NAME, max_length=63)
    """Name or alias of a SandboxRuntime, the one that all its executions run with."""
    tenant: str | None = Field(default=None, pattern=limits.LABEL_VALUE, max_length=63)
    """Whose session it is. Only the gateway may set it."""
    resources: ResourceAmounts | None = None
    """What its programs may use; the runtime's defaults where absent."""
    concurrency: Concurrency | None = None
    """With how many like it, executions and sessions, it may be there at a time; more wait. Only
    the gateway may set it."""
    idle_timeout_seconds: int = Field(
        default=limits.SESSION_IDLE_SECONDS_DEFAULT, ge=1, le=limits.SESSION_SECONDS_MAX
    )
    """Seconds without an execution after which it ends."""
    lifetime_seconds: int = Field(
        default=limits.SESSION_LIFETIME_SECONDS_DEFAULT, ge=1, le=limits.SESSION_SECONDS_MAX
    )
    """Seconds after its creation at which it ends, used or not."""


class SessionPhase(StrEnum):
    """Phase of a session. Only the last is terminal."""

    PENDING = "Pending"
    READY = "Ready"
    ENDED = "Ended"


class SessionStatus(Resource):
    """How the session fares. Once the phase is Ended it never changes again."""

    phase: SessionPhase = SessionPhase.PENDING
    """Pending until its Pod can run programs, then Ready, at last Ended."""
    reason: str | None = Field(default=None, max_length=64, pattern=r"^[A-Z][A-Za-z]*$")
    """Why it is in that phase, CamelCase."""
    message: str | None = Field(default=None, max_length=4096)
    """Why, in words."""
    pod_name: str | None = Field(default=None, max_length=253)
    """The Pod that keeps its files."""
    pod_uid: str | None = Field(default=None, max_length=64, alias="podUID")
    """The Pod's uid."""
    node_name: str | None = Field(default=None, max_length=253)
    """The node that the Pod is on."""
    resources: UsedResources | None = None
    """The limits that its programs have, all together."""
    runtime_generation: int | None = Field(default=None, ge=0)
    """The generation of the SandboxRuntime that its Pod was made from."""
    last_used_time: datetime | None = None
    """When an execution last ran in it; some seconds may pass before this is written."""
    expires_at: datetime | None = None
    """When it ends if it is not used before: the idle end or the end of its life."""
    conditions: Conditions | None = None
    """`Ready`, true while executions can run in it."""
