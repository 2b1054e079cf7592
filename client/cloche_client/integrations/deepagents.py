"""A session as a sandbox backend of deepagents (LangChain).

The base class does everything with `execute`, `upload_files` and `download_files`, as
docs/user/integrations/langchain.md shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepagents.backends.protocol import (
    ExecuteResponse,
    FileDownloadResponse,
    FileUploadResponse,
)
from deepagents.backends.sandbox import BaseSandbox

from cloche_client.errors import (
    DeadlineExceededError,
    FileMissingError,
    InvalidRequestError,
    InvalidSyntaxError,
    UnsafePathError,
)
from cloche_client.integrations.paths import relative

if TYPE_CHECKING:
    from cloche_client.blocking.session import Session

_MOST_SECONDS = 300
_TIMED_OUT = 124


class ClocheSandbox(BaseSandbox):
    """Runs an agent's commands in a Bash session. The caller creates and ends the session."""

    def __init__(self, session: Session, *, timeout: float = 120) -> None:
        """Use a session.

        Args:
            session: one of the language Bash.
            timeout: seconds of a command that has none itself, at most 300.
        """
        self._session = session
        self._timeout = timeout

    @property
    def id(self) -> str:
        """Return the session's id."""
        return self._session.id

    def execute(self, command: str, *, timeout: int | None = None) -> ExecuteResponse:
        """Run a command with Bash. Its standard error is part of the output, in order.

        Raises:
            ClocheError: it could not be run.
        """
        seconds = min(timeout or self._timeout, _MOST_SECONDS)
        try:
            result = self._session.run(command, merge_output=True, timeout=seconds)
        except (InvalidSyntaxError, DeadlineExceededError) as error:
            if error.result is None:
                raise
            result = error.result
            if isinstance(error, DeadlineExceededError):
                text = f"{result.stdout}\n[stopped after its timeout of {seconds:g} s]"
                return ExecuteResponse(output=text, exit_code=_TIMED_OUT, truncated=False)
        return ExecuteResponse(
            output=result.stdout + result.stderr,
            exit_code=result.exit_code,
            truncated=result.stdout_truncated,
        )

    def upload_files(self, files: list[tuple[str, bytes]]) -> list[FileUploadResponse]:
        """Write files, each for itself, and return what became of each."""
        return [FileUploadResponse(path=path, error=self._sent(path, data)) for path, data in files]

    def download_files(self, paths: list[str]) -> list[FileDownloadResponse]:
        """Read files, each for itself, and return the content or the error of each."""
        return [self._fetched(path) for path in paths]

    def _sent(self, path: str, data: bytes) -> str | None:
        """Write a file, and return the error of deepagents' protocol."""
        target = relative(path)
        if target is None:
            return "permission_denied"  # everything else is read-only
        try:
            self._session.upload({target: data})
        except (UnsafePathError, InvalidRequestError):
            return "invalid_path"
        return None

    def _fetched(self, path: str) -> FileDownloadResponse:
        target = relative(path)
        if target is None:
            return FileDownloadResponse(path=path, content=None, error="permission_denied")
        try:
            content = self._session.read(target)
        except FileMissingError:
            return FileDownloadResponse(path=path, content=None, error="file_not_found")
        except InvalidRequestError:
            return FileDownloadResponse(path=path, content=None, error="invalid_path")
        return FileDownloadResponse(path=path, content=content, error=None)
