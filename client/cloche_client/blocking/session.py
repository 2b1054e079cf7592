"""A session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, Unpack

from cloche_client.blocking.execution import stream, submit
from cloche_client.core import answers, flows, requests, session_files

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from cloche_client.blocking.driver import Driver
    from cloche_client.blocking.execution import Execution
    from cloche_client.core.requests import ProgramFields
    from cloche_client.events import Event
    from cloche_client.files import Files
    from cloche_client.models import OutputFile, Program, Result, SessionFile, SessionInfo


@dataclass(frozen=True, slots=True)
class Session:
    """A session: its programs find the files of those before them. As a context manager it ends.

    All methods raise ClocheError, NotFoundError if the session has ended.
    """

    _driver: Driver
    info: SessionInfo
    """Its state when it was created or found."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def id(self) -> str:
        """Return its id, `sbs-…`."""
        return self.info.session_id

    def run(self, code: str, *, check: bool = False, **fields: Unpack[ProgramFields]) -> Result:
        """Run a program in it, as `Client.run` does."""
        result = self._driver.run(self._program(code, fields))
        return answers.checked(result) if check else result

    def stream(self, code: str, **fields: Unpack[ProgramFields]) -> Generator[Event, None, None]:
        """Run a program in it and yield its events, as `Client.stream` does."""
        return stream(self._driver, self._program(code, fields))

    def submit(self, code: str, **fields: Unpack[ProgramFields]) -> Execution:
        """Start a program in it, as `Client.submit` does."""
        return submit(self._driver, self._program(code, fields))

    def upload(self, files: Files) -> None:
        """Write files to its working directory. `files`: as in `read_files`."""
        self._driver.drive(session_files.upload(self.id, files, self._driver.retry))

    def download(self, patterns: Sequence[str]) -> tuple[OutputFile, ...]:
        """Return the files of its working directory that match glob patterns."""
        return self._driver.drive(session_files.download(self.id, patterns, self._driver.retry))

    def files(self, pattern: str = "**") -> list[SessionFile]:
        """Return path, size and time of the files that match a glob pattern."""
        return self._driver.drive(session_files.listed(self.id, pattern, self._driver.retry))

    def read(self, path: str) -> bytes:
        """Return the content of a file. Raises FileMissingError if there is none."""
        return self._driver.drive(session_files.read(self.id, path, self._driver.retry))

    def remove(self, path: str) -> None:
        """Remove a file. Removing one that does not exist is not an error."""
        self._driver.drive(session_files.remove(self.id, path, self._driver.retry))

    def state(self) -> SessionInfo:
        """Return its state now."""
        return self._driver.drive(flows.session(self.id, self._driver.retry))

    def extend(
        self, *, idle_timeout: int | None = None, lifetime: int | None = None
    ) -> SessionInfo:
        """Change its times, in seconds as when it was created, and return its state."""
        flow = flows.extend_session(self.id, idle_timeout, lifetime, self._driver.retry)
        return self._driver.drive(flow)

    def restart(self) -> None:
        """Start its interpreter anew: names are forgotten, files stay."""
        self._driver.drive(flows.restart_session(self.id, self._driver.retry))

    def end(self) -> None:
        """End it. Ending it again is not an error."""
        self._driver.drive(flows.end_session(self.id, self._driver.retry))

    def _program(self, code: str, fields: ProgramFields) -> Program:
        own: ProgramFields = {**fields, "session_id": self.id}
        return requests.program(code, self.info.language, None, own)
