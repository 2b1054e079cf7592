"""A lean HTTP client: on two cores its own CPU is part of what is measured."""

from __future__ import annotations

import json
import os
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from installation import Installation

CODE = 'print("Hello, World!")'
STDOUT = "Hello, World!\n"
SESSION = "cloche-bench"
"""The label that every execution of a benchmark gets, to find it by when it is removed."""
_NICENESS = -10
_TIMEOUT = aiohttp.ClientTimeout(total=400)


def take_precedence() -> None:
    """Give this process the right of way, where it may have it.

    The clients stand for ones on other machines: what they are answered is not to wait for a
    processor of this one. Bare loops, which are the limits, run in the same process.
    """
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


@contextmanager
def precedence() -> Iterator[None]:
    """The right of way within the block: other programs started outside it do not inherit it."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    take_precedence()
    try:
        yield
    finally:
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, before)


@dataclass(frozen=True)
class Answer:
    """An answer of the gateway."""

    execution: str | None
    """Its id; None when the answer was no result."""
    sent: float
    """Unix time at which the request was sent."""
    seconds: float
    """The round trip."""
    failure: str | None = None
    """What the answer said instead of a result."""


class Client:
    """One client with kept-alive connections, as many as it needs at a time."""

    def __init__(self, session: aiohttp.ClientSession, to: Installation) -> None:
        self._session = session
        self._url = f"{to.url}/api/v1/execute"
        self._headers = {"X-API-Key": to.key, "Content-Type": "application/json"}

    async def execute(self, language: str, stdout: str = STDOUT, **fields: Any) -> Answer:
        """Run a hello world that prints so, and wait for its answer, whatever that is."""
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


@asynccontextmanager
async def client(to: Installation) -> AsyncIterator[Client]:
    """A client until the block ends."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=120)
    async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
        yield Client(session, to)
