"""Models of the request and response bodies of sessions, as in `models`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cloche_api import limits
from cloche_gateway.models import Body, InputFile, Resources, Warnings


class SessionRequest(Body):
    """A session: a Pod that keeps its files from one execution to the next."""

    language: str = Field(examples=["python"])
    """Name or alias of an installed language, which all executions in the session use."""
    resources: Resources | None = None
    """Resources of its programs; the runtime's defaults if absent."""
    idle_timeout: int | None = Field(default=None, ge=1, le=limits.SESSION_SECONDS_MAX)
    """Seconds without an execution after which the session ends; default 600."""
    lifetime: int | None = Field(default=None, ge=1, le=limits.SESSION_SECONDS_MAX)
    """Seconds after which the session ends in any case; default 3600."""
    stateful: Literal["interpreter"] | None = None
    """`interpreter` keeps one interpreter, in which each execution runs as a cell and finds what
    earlier ones have defined. If absent, only files last."""


class SessionChange(Body):
    """The times of a session to change. Absent ones stay."""

    idle_timeout: int | None = Field(default=None, ge=1, le=limits.SESSION_SECONDS_MAX)
    """Seconds without an execution after which the session ends."""
    lifetime: int | None = Field(default=None, ge=1, le=limits.SESSION_SECONDS_MAX)
    """Seconds after which the session ends in any case, from the moment that it was ready."""


class SessionFiles(Body):
    """Files to write into the working directory of a session."""

    files: list[InputFile] = Field(min_length=1, max_length=limits.FILES_ENTRIES)
    """The files, at most 512 KiB in total."""


class _Session(BaseModel):
    """What a session's answers share."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    session_id: str
    """The `session_id` for executions in this session."""
    language: str
    expires_at: str | None
    """When the session ends if no execution uses it before."""
    stateful: Literal["interpreter"] | None = None
    """Present only in a session that keeps its interpreter."""


class SessionResponse(_Session):
    """A session that is ready."""

    warnings: Warnings = None


class SessionState(_Session):
    """The state of a session."""

    phase: Literal["Pending", "Ready"]
    """Executions run in a session that is Ready, and wait while it is Pending."""
    created_at: str
    last_used_at: str | None
    """When its last execution ended. A change can take some seconds to show."""


class ChangedSession(SessionState):
    """A session whose times were changed."""

    warnings: Warnings = None


class SessionList(BaseModel):
    """A page of sessions, newest first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    sessions: list[SessionState]
    next_cursor: str | None
    """The `cursor` of the next page; null on the last page."""


class SessionFile(BaseModel):
    """A file in the working directory of a session."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    path: str
    """Path relative to the working directory. Bytes that are not UTF-8 are replaced by U+FFFD."""
    size: int
    """Size in bytes."""
    modified_at: str
    """When it was last modified, which a program can set to any time."""


class SessionFileList(BaseModel):
    """Files in the working directory of a session, in the order of their paths."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    files: list[SessionFile]
    truncated: bool
    """Whether files are missing because the list exceeded a limit."""
    warnings: Warnings = None
