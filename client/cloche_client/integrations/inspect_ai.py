"""A session for each sample of an evaluation with Inspect: the sandbox type `cloche`.

Inspect finds this module by the entry point of the package, so that `sandbox="cloche"` works
without an import (docs/user/integrations/inspect.md).
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Literal, overload

from inspect_ai.util import (
    ExecResult,
    OutputLimitExceededError,
    SandboxEnvironment,
    sandboxenv,
)

from cloche_client.asynchronous.client import AsyncClient
from cloche_client.errors import (
    DeadlineExceededError,
    FileMissingError,
    InvalidRequestError,
    TooLargeError,
)
from cloche_client.integrations.paths import relative

if TYPE_CHECKING:
    from cloche_client.asynchronous.session import AsyncSession

_MOST_SECONDS = 300
_LIMIT = "256 KiB"
_CANNOT_EXECUTE = 126
_INPUT = ".inspect-stdin"
"""Where input that is not text is put, because the standard input of a request is text."""
_CODE = {
    "bash": "{command}",
    "python": "import os\nos.execvp('bash', ['bash', '-c', {command!r}])",
}
"""How a command of Bash is run in a session of each language."""


@sandboxenv(name="cloche")
class ClocheSandboxEnvironment(SandboxEnvironment):
    """Runs a sample's commands in its own session, of Bash unless the config names Python."""

    def __init__(self, client: AsyncClient, session: AsyncSession) -> None:
        super().__init__()
        self._client = client
        self._session = session

    @classmethod
    async def sample_init(
        cls, task_name: str, config: Any, metadata: dict[str, str]
    ) -> dict[str, SandboxEnvironment]:
        """Create the session of a sample. `config` is its language; the default is `bash`."""
        del task_name, metadata
        language = config or "bash"
        if language not in _CODE:
            raise ValueError(f"sandbox=('cloche', {language!r}): must be 'bash' or 'python'")
        client = AsyncClient()
        try:
            session = await client.session(language, idle_timeout=3600, lifetime=86400)
        except BaseException:
            await client.close()
            raise
        return {"default": cls(client, session)}

    @classmethod
    async def sample_cleanup(
        cls,
        task_name: str,
        config: Any,
        environments: dict[str, SandboxEnvironment],
        interrupted: bool,  # noqa: FBT001  Inspect's signature
    ) -> None:
        """End the session of a sample."""
        del task_name, config, interrupted
        for one in environments.values():
            if isinstance(one, cls):
                await one._session.end()  # noqa: SLF001  this class
                await one._client.close()  # noqa: SLF001

    async def exec(  # noqa: PLR0913, PLR0917  Inspect's signature
        self,
        cmd: list[str],
        input: str | bytes | None = None,  # noqa: A002
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        user: str | None = None,
        timeout: int | None = None,  # noqa: ASYNC109
        timeout_retry: bool = True,  # noqa: FBT001, FBT002
        concurrency: bool = True,  # noqa: FBT001, FBT002
    ) -> ExecResult[str]:
        """Run a command.

        Raises:
            TimeoutError: it exceeded its timeout.
            PermissionError: it may not be executed.
            OutputLimitExceededError: a stream has more than 256 KiB.
            NotImplementedError: another user is wanted.
        """
        del timeout_retry, concurrency  # the key's concurrency is the limit
        if user is not None:
            raise NotImplementedError("Cloche runs all commands as the same ordinary user.")
        command = f"exec {shlex.join(cmd)}"
        files = {}
        if isinstance(input, bytes):
            files, input = {_INPUT: input}, None  # noqa: A001
            command += f" < /workspace/{_INPUT}"
        if cwd is not None:
            command = f"cd -- {shlex.quote(cwd)} && {command}"
        try:
            result = await self._session.run(
                _CODE[self._session.info.language].format(command=command),
                stdin=input,
                files=files,
                environment=env or {},
                timeout=min(timeout or _MOST_SECONDS, _MOST_SECONDS),
            )
        except DeadlineExceededError as error:
            raise TimeoutError(str(error)) from error
        if result.stdout_truncated or result.stderr_truncated:
            text = result.stdout if result.stdout_truncated else result.stderr
            raise OutputLimitExceededError(_LIMIT, text)
        code = 1 if result.exit_code is None else result.exit_code
        if code == _CANNOT_EXECUTE and "permission denied" in result.stderr.lower():
            raise PermissionError(result.stderr)
        return ExecResult(code == 0, code, result.stdout, result.stderr)

    async def write_file(self, file: str, contents: str | bytes) -> None:
        """Write a file and its directories, at most 512 KiB.

        Raises:
            IsADirectoryError: it is a directory.
            PermissionError: it is neither below the working directory nor below /tmp.
            UnsafePathError: it is too large.
        """
        target = await self._target(file)
        try:
            await self._session.upload({target: contents})
        except TooLargeError:
            raise
        except InvalidRequestError as error:
            await self._not_a_directory(file)
            raise PermissionError(f"{file}: {error}") from error

    @overload
    async def read_file(self, file: str, text: Literal[True] = True) -> str: ...  # noqa: FBT002

    @overload
    async def read_file(self, file: str, text: Literal[False]) -> bytes: ...

    async def read_file(self, file: str, text: bool = True) -> str | bytes:  # noqa: FBT001, FBT002
        """Return the content of a file, of at most 256 KiB.

        Raises:
            FileNotFoundError: it does not exist.
            IsADirectoryError: it is a directory.
            PermissionError: it is neither below the working directory nor below /tmp.
            UnicodeDecodeError: it is not UTF-8, although `text` is true.
            OutputLimitExceededError: it is too large.
        """
        target = await self._target(file)
        try:
            content = await self._session.read(target)
        except FileMissingError as error:
            await self._not_a_directory(file)
            raise FileNotFoundError(file) from error
        except TooLargeError as error:
            raise OutputLimitExceededError(_LIMIT, None) from error
        return content.decode() if text else content

    async def _target(self, file: str) -> str:
        """Return a file's path for a request. Raises IsADirectoryError and PermissionError."""
        found = relative(file)
        if found is None:
            await self._not_a_directory(file)
            raise PermissionError(f"{file}: only files in /workspace and /tmp are accessible")
        return found

    async def _not_a_directory(self, file: str) -> None:
        """Raise IsADirectoryError if the path is a directory."""
        if (await self.exec(["test", "-d", file])).success:
            raise IsADirectoryError(f"{file} is a directory")
