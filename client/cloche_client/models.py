"""A program to run, and what is known of its execution. All objects are immutable."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program, as POST /api/v1/execute takes it. None leaves a field to the server's default.

    Its limits are in docs/user/api.md; the server checks them.
    """

    code: str
    language: str = "python"
    """Name or alias of an installed language."""
    entry: str | None = None
    stdin: str | None = None
    args: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Contents by the path in the program's working directory."""
    output_files: Sequence[str] = ()
    """Glob patterns of files to return."""
    timeout: float | None = None
    """Seconds; the server's default is 30."""
    compile_timeout: float | None = None
    """Seconds."""
    merge_output: bool = False
    cpu: float | None = None
    """Cores."""
    memory_mb: int | None = None
    disk_mb: int | None = None
    session_id: str | None = None
    ttl_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that the program left. It chose the path: see `save_files`."""

    path: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OmittedFile:
    """A file that matched a pattern and was left out, with its size in bytes and the reason."""

    path: str
    size: int
    reason: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Something that a cell shows. The cell can claim anything: do not render its HTML as yours.

    `kind`: `result` for the value of the last expression, otherwise `display`.
    """

    kind: str
    data: Mapping[str, str]
    """Texts by MIME type. Images are in base64, except SVG."""

    @property
    def text(self) -> str | None:
        """Return it as plain text, None if it has none."""
        return self.data.get("text/plain")

    def image(self, mime: str = "image/png") -> bytes:
        """Return an image. Raises KeyError if there is none, ValueError if it is not base64."""
        return base64.b64decode(self.data[mime], validate=True)


@dataclass(frozen=True, slots=True)
class CellError:
    """The exception that ended a cell."""

    name: str
    value: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a program used: seconds of CPU, and the most bytes of memory at a time."""

    cpu_seconds: float | None
    max_memory_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of an execution. What the server does not know is None (docs/user/api.md)."""

    execution_id: str
    stdout: str
    stderr: str
    exit_code: int | None
    """128 + n if signal n ended the program."""
    reason: str | None
    language: str = ""
    session_id: str | None = None
    execution_time: float | None = None
    """Seconds of the program alone."""
    queue_time: float | None = None
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    usage: Usage | None = None
    compile_seconds: float | None = None
    compile_usage: Usage | None = None
    files: tuple[OutputFile, ...] = ()
    files_truncated: bool = False
    files_omitted: tuple[OmittedFile, ...] = ()
    results: tuple[Shown, ...] = ()
    """What a cell shows, in a session that keeps its interpreter."""
    results_truncated: bool = False
    error: CellError | None = None
    """The exception that ended a cell."""
    state_lost: bool = False
    """Whether the interpreter of the session ended, and what earlier cells defined is lost."""
    warnings: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)
    """The server's answer."""

    @property
    def ok(self) -> bool:
        """Return whether the program ended by itself with exit code 0."""
        return self.exit_code == 0 and self.reason == "Exited"

    def file(self, path: str) -> bytes:
        """Return the content of a returned file. Raises KeyError if there is none."""
        for one in self.files:
            if one.path == path:
                return one.content
        raise KeyError(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionState:
    """The state of an execution. `status`: pending, running, completed, failed or cancelled."""

    execution_id: str
    status: str
    created_at: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    result: Result | None = None
    """None until the execution has ended, and if the program never started."""
    detail: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)

    @property
    def ended(self) -> bool:
        """Return whether the execution has ended."""
        return self.status not in {"pending", "running"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSummary:
    """An execution in a list."""

    execution_id: str
    status: str
    language: str
    session_id: str | None = None
    created_at: str | None = None
    reason: str | None = None
    exit_code: int | None = None
    execution_time: float | None = None
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """A session. `expires_at` is the time at which it ends if it is not used before."""

    session_id: str
    language: str
    expires_at: str | None = None
    phase: str | None = None
    created_at: str | None = None
    last_used_at: str | None = None
    stateful: str | None = None
    """`interpreter` if the session keeps its interpreter."""
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class SessionFile:
    """A file in the working directory of a session, with its size in bytes."""

    path: str
    size: int
    modified_at: str
    """RFC 3339. A program can set it to any time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageInfo:
    """An installed language."""

    language: str
    version: str | None = None
    aliases: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    file_extension: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)
