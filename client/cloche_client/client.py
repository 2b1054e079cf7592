"""The synchronous client. Any number of threads may share one."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from cloche_client import settings as settings_module
from cloche_client.core import answers, flows, requests, session_files, wire
from cloche_client.core.feed import Feed
from cloche_client.core.retry import Retry
from cloche_client.errors import ClocheError, ConnectionFailedError, SettingsError
from cloche_client.events import Event, Exit
from cloche_client.transport.blocking import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cloche_client.core.requests import ProgramFields
    from cloche_client.core.wire import Flow, Request
    from cloche_client.errors import AnswerError
    from cloche_client.files import Files
    from cloche_client.models import (
        ExecutionState,
        ExecutionSummary,
        LanguageInfo,
        OutputFile,
        Program,
        Result,
        SessionInfo,
    )
    from cloche_client.settings import Settings
    from cloche_client.transport.blocking import Opened

T = TypeVar("T")


class Client:
    """Runs programs. Use it as a context manager, or `close` it.

    All methods raise ClocheError. A request is repeated after a 429 or 503, and after a lost
    connection if that cannot run a program twice.
    """

    def __init__(
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
        self.settings = settings or settings_module.load(
            url=url, api_key=api_key, ca_file=ca_file, profile=profile
        )
        if self.settings.api_key is None:
            file = settings_module.config_file()
            raise SettingsError(f"There is no API key. Set CLOCHE_API_KEY, or api_key in {file}.")
        self._retry = retry or Retry()
        self._transport = Transport(self.settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

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
        program = self._program(code, language, fields)
        key = wire.new_key()
        try:
            result = self._drive(flows.run(program, self._retry, key=key))
        except BaseException as error:
            if not isinstance(error, Exception):
                with contextlib.suppress(Exception):
                    self._drive(flows.abandon(program, key=key))
            raise
        return answers.checked(result) if check else result

    def stream(
        self,
        code: str | Program,
        language: str | None = None,
        **fields: Unpack[ProgramFields],
    ) -> Iterator[Event]:
        """Run a program and yield its events while they happen. The last one is Exit.

        If the caller stops to iterate before that, the execution is cancelled.
        """
        execution = self.submit(code, language, **fields)
        ended = False
        try:
            for event in execution.events():
                ended = isinstance(event, Exit)
                yield event
        finally:
            if not ended:
                with contextlib.suppress(ClocheError):
                    execution.cancel()

    def submit(
        self,
        code: str | Program,
        language: str | None = None,
        **fields: Unpack[ProgramFields],
    ) -> Execution:
        """Start a program and return its execution, which goes on without the client."""
        program = self._program(code, language, fields)
        state = self._drive(flows.submit(program, self._retry, key=wire.new_key()))
        return Execution(self, state.execution_id)

    def batch(self, programs: Iterable[Program]) -> list[Result | AnswerError]:
        """Run 1 to 10 programs at the same time.

        Returns, in the same order, each one's result or the exception that `run` raises for it.
        """
        return self._drive(flows.batch(list(programs), self._retry))

    def execution(self, execution_id: str) -> Execution:
        """Return an execution by its id, without a request."""
        return Execution(self, execution_id)

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
        **resources: Any,
    ) -> Session:
        """Create a session, which keeps files from one program to the next.

        Use it as a context manager, which ends it.

        Args:
            language: of all its programs.
            idle_timeout: seconds without a program after which it ends; the default is 600.
            lifetime: seconds after which it ends; the default is 3600.
            resources: `cpu` in cores, `memory_mb` and `disk_mb`.
        """
        body = requests.session(language, idle_timeout, lifetime, resources)
        return Session(self, self._drive(flows.create_session(body, self._retry)))

    def existing_session(self, session_id: str) -> Session:
        """Return a session by its id. Raises NotFoundError."""
        return Session(self, self._drive(flows.session(session_id, self._retry)))

    def sessions(self) -> Iterator[SessionInfo]:
        """Yield the tenant's sessions."""
        cursor = None
        while True:
            found, cursor = self._drive(flows.sessions(self._retry, {"cursor": cursor}))
            yield from found
            if cursor is None:
                return

    def end_session(self, session_id: str) -> None:
        """End a session. One that has ended already is no error."""
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

    def _program(
        self, code: str | Program, language: str | None, fields: ProgramFields
    ) -> Program:
        return requests.program(code, language, self.settings.language, fields)

    def _drive(self, flow: Flow[T]) -> T:
        """Do what a flow asks for, and return its result."""
        try:
            effect = next(flow)
            while True:
                if isinstance(effect, wire.Pause):
                    time.sleep(effect.seconds)
                    effect = flow.send(None)
                    continue
                try:
                    reply = self._transport.send(effect)
                except ConnectionFailedError as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result

    def _open(self, request: Request) -> contextlib.AbstractContextManager[Opened]:
        """Send a request and read its answer as it arrives. For this package."""
        return self._transport.open(request)


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution that was started before."""

    _client: Client
    id: str

    def state(self) -> ExecutionState:
        """Return its state now."""
        return self._client._drive(flows.state(self.id, self._client._retry))  # noqa: SLF001

    def wait(self, timeout: float | None = None) -> Result:
        """Return the result once it has ended. Raises as `Client.run`.

        Raises:
            WaitTimeoutError: it has not ended after `timeout` seconds.
        """
        client = self._client
        return answers.outcome(client._drive(flows.waited(self.id, client._retry, timeout)))  # noqa: SLF001

    def events(self, *, silence: float | None = None) -> Iterator[Event]:
        """Yield its events from the first one on. The last one is Exit.

        Args:
            silence: end without an exception after so many seconds without an event.
        """
        client = self._client
        feed = Feed(self.id, client._retry)  # noqa: SLF001
        if silence is not None:
            feed.silence = silence
        while not feed.done:
            if feed.pause:
                time.sleep(feed.pause)
            try:
                with client._open(feed.request()) as opened:  # noqa: SLF001
                    if opened.status != 200:  # noqa: PLR2004
                        feed.refused(opened.reply())
                        continue
                    for chunk in opened.chunks():
                        yield from feed.take(chunk)
                        if feed.done:
                            return
                    feed.closed()
            except ConnectionFailedError as error:
                if silence is not None and error.sent:
                    return
                feed.lost(error)

    def cancel(self) -> ExecutionState:
        """Cancel it, and return its state, which may still be `running`."""
        return self._client._drive(flows.cancel(self.id, self._client._retry))  # noqa: SLF001

    def remove(self) -> None:
        """Remove its record. Raises ConflictError if it has not ended."""
        self._client._drive(flows.remove(self.id, self._client._retry))  # noqa: SLF001


class Session:
    """A session: its programs find the files of those before them."""

    def __init__(self, client: Client, info: SessionInfo) -> None:
        self._client = client
        self.info = info
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
        return self._client.run(self._program(code, fields), check=check)

    def stream(self, code: str, **fields: Unpack[ProgramFields]) -> Iterator[Event]:
        """Run a program in it and yield its events, as `Client.stream` does."""
        return self._client.stream(self._program(code, fields))

    def submit(self, code: str, **fields: Unpack[ProgramFields]) -> Execution:
        """Start a program in it, as `Client.submit` does."""
        return self._client.submit(self._program(code, fields))

    def upload(self, files: Files) -> None:
        """Write files to its working directory. `files`: as in `read_files`."""
        drive, retry = self._client._drive, self._client._retry  # noqa: SLF001
        drive(session_files.upload(self.info, files, retry))

    def download(self, patterns: Sequence[str]) -> tuple[OutputFile, ...]:
        """Return the files of its working directory that match glob patterns."""
        drive, retry = self._client._drive, self._client._retry  # noqa: SLF001
        return drive(session_files.download(self.info, patterns, retry))

    def state(self) -> SessionInfo:
        """Return its state now. Raises NotFoundError if it has ended."""
        return self._client._drive(flows.session(self.id, self._client._retry))  # noqa: SLF001

    def end(self) -> None:
        """End it. A session that has ended already is no error."""
        self._client.end_session(self.id)

    def _program(self, code: str, fields: ProgramFields) -> Program:
        fields = {**fields, "session_id": self.id}
        return requests.program(code, self.info.language, None, fields)
