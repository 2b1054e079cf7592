"""A lean HTTP client: on two cores its own CPU time affects the measurements."""

from __future__ import annotations

import json
import os
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from progress import BenchError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from access.installation import Installation

CODE = 'print("Hello, World!")'
STDOUT = "Hello, World!\n"
SESSION = "cloche-bench"
"""The session label of every benchmark execution, by which it is found for removal."""
_NICENESS = -10
_TIMEOUT = aiohttp.ClientTimeout(total=400)


def take_precedence() -> None:
    """Raise this process's priority, if permitted.

    The clients represent clients on other machines, so their responses must not wait for a CPU of
    this one. The bare loops, which are the limits, run in the same process.
    """
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


@contextmanager
def precedence() -> Iterator[None]:
    """Raise the priority for the block, without passing it to programs started elsewhere."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    take_precedence()
    try:
        yield
    finally:
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, before)


@dataclass(frozen=True)
class Answer:
    """A response of the gateway."""

    execution: str | None
    """The execution's id; None if the response was not a result."""
    sent: float
    """Unix time at which the request was sent."""
    seconds: float
    """The round-trip time."""
    failure: str | None = None
    """The error in the response, if it was not a result."""


class Client:
    """A client with keep-alive connections, as many as it needs concurrently."""

    def __init__(self, session: aiohttp.ClientSession, to: Installation) -> None:
        self._session = session
        self._base = to.url
        self._url = f"{to.url}/api/v1/execute"
        self._headers = {"X-API-Key": to.key, "Content-Type": "application/json"}

    async def execute(self, language: str, stdout: str = STDOUT, **fields: Any) -> Answer:
        """Run a hello world that must print `stdout`, and return the response."""
        body = {"code": CODE, "language": language, "session_id": SESSION} | fields
        data = json.dumps(body).encode()
        sent, began = time.time(), time.perf_counter()
        try:
            async with self._session.post(self._url, data=data, headers=self._headers) as response:
                raw = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return Answer(None, sent, time.perf_counter() - began, repr(error))
        seconds = time.perf_counter() - began
        answer = json.loads(raw)
        if response.status != 200 or answer["stdout"] != stdout:  # noqa: PLR2004  HTTP's OK
            words = answer.get("detail") or f"stdout {answer.get('stdout')!r}"
            return Answer(None, sent, seconds, f"{response.status} {words}")
        return Answer(answer["execution_id"], sent, seconds)

    async def request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send another request to the gateway, and return its answer.

        Raises:
            BenchError: it is not a success.
        """
        async with self._session.request(
            method, self._base + path, json=body, headers=self._headers
        ) as response:
            answer: dict[str, Any] = await response.json()
            if not response.ok:
                raise BenchError(f"{method} {path}: {response.status} {answer.get('detail')}")
            return answer


@asynccontextmanager
async def client(to: Installation) -> AsyncIterator[Client]:
    """Provide a client for the block."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=120)
    async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
        yield Client(session, to)
