"""A session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, Unpack

from cloche_client.asynchronous.execution import stream, submit
from cloche_client.core import answers, flows, requests, session_files

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

    from cloche_client.asynchronous.driver import Driver
    from cloche_client.asynchronous.execution import AsyncExecution
    from cloche_client.core.requests import ProgramFields
    from cloche_client.core.wire import Flow
    from cloche_client.events import Event
    from cloche_client.files import Files
    from cloche_client.models import OutputFile, Program, Result, SessionFile, SessionInfo


@dataclass(frozen=True, slots=True)
class AsyncSession:
    """A session: its programs find the files of those before them. As a context manager it ends.

    All methods raise ClocheError, NotFoundError if the session has ended.
    """

    _driver: Driver
    info: SessionInfo
    """Its state when it was created or found."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    @property
    def id(self) -> str:
        """Return its id, `sbs-…`."""
        return self.info.session_id

    async def run(
        self, code: str, *, check: bool = False, **fields: Unpack[ProgramFields]
    ) -> Result:
        """Run a program in it, as `AsyncClient.run` does."""
        result = await self._driver.run(self._program(code, fields))
        return answers.checked(result) if check else result

    def stream(self, code: str, **fields: Unpack[ProgramFields]) -> AsyncGenerator[Event, None]:
        """Run a program in it and yield its events, as `AsyncClient.stream` does."""
        return stream(self._driver, self._program(code, fields))

    async def submit(self, code: str, **fields: Unpack[ProgramFields]) -> AsyncExecution:
        """Start a program in it, as `AsyncClient.submit` does."""
        return await submit(self._driver, self._program(code, fields))

    async def upload(self, files: Files) -> None:
        """Write files to its working directory. `files`: as in `read_files`."""
        await self._driver.drive(session_files.upload(self.id, files, self._driver.retry))

    async def download(self, patterns: Sequence[str]) -> tuple[OutputFile, ...]:
        """Return the files of its working directory that match glob patterns."""
        flow = session_files.download(self.id, patterns, self._driver.retry)
        return await self._driver.drive(flow)

    async def files(self, pattern: str = "**") -> list[SessionFile]:
        """Return path, size and time of the files that match a glob pattern."""
        flow = session_files.listed(self.id, pattern, self._driver.retry)
        return await self._driver.drive(flow)

    async def read(self, path: str) -> bytes:
        """Return the content of a file. Raises FileMissingError if there is none."""
        return await self._driver.drive(session_files.read(self.id, path, self._driver.retry))

    async def remove(self, path: str) -> None:
        """Remove a file. Removing one that does not exist is not an error."""
        await self._driver.drive(session_files.remove(self.id, path, self._driver.retry))

    async def state(self) -> SessionInfo:
        """Return its state now."""
        return await self._driver.drive(flows.session(self.id, self._driver.retry))

    async def extend(
        self, *, idle_timeout: int | None = None, lifetime: int | None = None
    ) -> SessionInfo:
        """Change its times, in seconds as when it was created, and return its state."""
        flow = flows.extend_session(self.id, idle_timeout, lifetime, self._driver.retry)
        return await self._driver.drive(flow)

    async def restart(self) -> None:
        """Start its interpreter anew: names are forgotten, files stay."""
        await self._driver.drive(flows.restart_session(self.id, self._driver.retry))

    async def end(self) -> None:
        """End it. Ending it again is not an error."""
        await self._driver.drive(flows.end_session(self.id, self._driver.retry))

    def _program(self, code: str, fields: ProgramFields) -> Program:
        own: ProgramFields = {**fields, "session_id": self.id}
        return requests.program(code, self.info.language, None, own)


class StartingSession:
    """A session that is created when this is awaited or entered."""

    def __init__(self, driver: Driver, flow: Flow[SessionInfo]) -> None:
        self._driver = driver
        self._flow = flow
        self._made: AsyncSession | None = None

    def __await__(self) -> Generator[Any, None, AsyncSession]:
        return self._start().__await__()

    async def __aenter__(self) -> AsyncSession:
        self._made = await self._start()
        return self._made

    async def __aexit__(self, *_: object) -> None:
        if self._made is not None:
            await self._made.end()

    async def _start(self) -> AsyncSession:
        return AsyncSession(self._driver, await self._driver.drive(self._flow))
