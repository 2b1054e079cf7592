"""The synchronous client. Any number of threads may share one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, Unpack

from cloche_client.blocking.driver import Driver
from cloche_client.blocking.execution import Execution, stream, submit
from cloche_client.blocking.session import Session
from cloche_client.blocking.transport import Transport
from cloche_client.core import answers, flows, requests
from cloche_client.core.retry import Retry
from cloche_client.settings import load, with_key

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from cloche_client.core.requests import ProgramFields
    from cloche_client.errors import AnswerError
    from cloche_client.events import Event
    from cloche_client.models import (
        ExecutionSummary,
        LanguageInfo,
        Program,
        Result,
        SessionInfo,
    )
    from cloche_client.settings import Settings


class Client:
    """Runs programs. Use it as a context manager, or `close` it.

    All methods raise ClocheError. A request is repeated after a 429 or 503, and after a lost
    connection if that cannot run a program twice.
    """

    def __init__(  # noqa: PLR0913  all but two by keyword
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        ca_file: str | None = None,
        profile: str | None = None,
        settings: Settings | None = None,
        retry: Retry | None = None,
    ) -> None:
        """Find the settings: arguments, else the environment, else the configuration file.

        Raises:
            SettingsError: there is no URL or no key, or one is not valid.
        """
        self.settings = with_key(
            settings or load(url=url, api_key=api_key, ca_file=ca_file, profile=profile)
        )
        self._retry = retry or Retry()
        self._driver = Driver(Transport(self.settings), self._retry)
        self._drive = self._driver.drive

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._driver.transport.close()

    def run(
        self,
        code: str | Program,
        language: str | None = None,
        *,
        check: bool = False,
        **fields: Unpack[ProgramFields],
    ) -> Result:
        """Run a program and return its result when it has ended, with any exit code.

        An interruption (Ctrl-C) cancels the execution.

        Raises:
            InvalidSyntaxError: the code cannot be parsed or compiled.
            DeadlineExceededError: the program exceeded its timeout.
            ProgramFailedError: `check` is true, and the program did not exit with 0.
            ClocheError: the program could not be run.
        """
        result = self._driver.run(self._program(code, language, fields))
        return answers.checked(result) if check else result

    def stream(
        self,
        code: str | Program,
        language: str | None = None,
        **fields: Unpack[ProgramFields],
    ) -> Generator[Event, None, None]:
        """Run a program and yield its events while they happen. The last one is Exit.

        If the caller stops to iterate before that, the execution is cancelled.
        """
        return stream(self._driver, self._program(code, language, fields))

    def submit(
        self,
        code: str | Program,
        language: str | None = None,
        **fields: Unpack[ProgramFields],
    ) -> Execution:
        """Start a program and return its execution, which goes on without the client."""
        return submit(self._driver, self._program(code, language, fields))

    def batch(self, programs: Iterable[Program]) -> list[Result | AnswerError]:
        """Run 1 to 10 programs at the same time.

        Returns, in the same order, each one's result or the exception that `run` raises for it.
        """
        return self._drive(flows.batch(list(programs), self._retry))

    def execution(self, execution_id: str) -> Execution:
        """Return an execution by its id, without a request."""
        return Execution(self._driver, execution_id)

    def executions(
        self,
        *,
        language: str | None = None,
        status: str | None = None,
        session_id: str | None = None,
        limit: int | None = None,
    ) -> Iterator[ExecutionSummary]:
        """Yield the tenant's executions, newest first, at most `limit` (None: all)."""
        query = {"language": language, "status": status, "session_id": session_id}
        cursor, left = None, limit
        while left is None or left > 0:
            size = 200 if left is None else min(left, 200)
            page = {**query, "limit": size, "cursor": cursor}
            found, cursor = self._drive(flows.executions(self._retry, page))
            yield from found
            left = left and left - len(found)
            if cursor is None:
                return

    def session(
        self,
        language: str = "python",
        *,
        idle_timeout: int | None = None,
        lifetime: int | None = None,
        stateful: str | None = None,
        **resources: Any,
    ) -> Session:
        """Create a session, which keeps files from one program to the next.

        Use it as a context manager, which ends it.

        Args:
            language: of all its programs.
            idle_timeout: seconds without a program after which it ends; the default is 600.
            lifetime: seconds after which it ends; the default is 3600.
            stateful: `interpreter` also keeps the interpreter, so that each program is a cell which
                finds what earlier ones have defined.
            resources: `cpu` in cores, `memory_mb` and `disk_mb`.
        """
        body = requests.session(language, idle_timeout, lifetime, stateful, resources)
        info = self._drive(flows.create_session(body, self._retry))
        return Session(self._driver, info)

    def existing_session(self, session_id: str) -> Session:
        """Return a session by its id. Raises NotFoundError."""
        info = self._drive(flows.session(session_id, self._retry))
        return Session(self._driver, info)

    def sessions(self) -> Iterator[SessionInfo]:
        """Yield the tenant's sessions."""
        cursor = None
        while True:
            found, cursor = self._drive(flows.sessions(self._retry, {"cursor": cursor}))
            yield from found
            if cursor is None:
                return

    def end_session(self, session_id: str) -> None:
        """End a session. Ending it again is not an error."""
        self._drive(flows.end_session(session_id, self._retry))

    def languages(self) -> list[str]:
        """Return the names of the installed languages."""
        return self._drive(flows.languages(self._retry))

    def language(self, name: str) -> LanguageInfo:
        """Return an installed language by its name or alias. Raises NotFoundError."""
        return self._drive(flows.language(name, self._retry))

    def health(self) -> Mapping[str, Any]:
        """Return the gateway's `status`, `version` and `problem`."""
        return self._drive(flows.health(self._retry))

    def _program(self, code: str | Program, language: str | None, fields: ProgramFields) -> Program:
        return requests.program(code, language, self.settings.language, fields)
