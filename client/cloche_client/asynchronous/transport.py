"""HTTP with httpx, for asyncio."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from cloche_client import connection as failures
from cloche_client.core.wire import MOST_ANSWER_BYTES, Reply
from cloche_client.errors import UnexpectedAnswerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloche_client.core.wire import Request
    from cloche_client.settings import Settings

_MOST_IDLE = 20


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose body has not been read."""

    status: int
    response: httpx.Response
    url: str
    seconds: float

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raises ConnectionFailedError."""
        try:
            async for chunk in self.response.aiter_bytes():
                yield chunk
        except httpx.ReadTimeout:
            raise failures.silent(self.url, self.seconds) from None
        except httpx.TransportError as error:
            raise failures.broken(self.url, error) from None

    async def reply(self) -> Reply:
        """Return the complete answer. Raises ConnectionFailedError or UnexpectedAnswerError."""
        found, size = [], 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > MOST_ANSWER_BYTES:
                raise UnexpectedAnswerError("The server's answer is too long.")
            found.append(chunk)
        names = {name.lower(): value for name, value in self.response.headers.items()}
        return Reply(self.status, names, b"".join(found))


class Transport:
    """Sends requests to one gateway, any number at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Reading all authorities takes 20 ms, which plain HTTP does not need.
        encrypted = settings.url.startswith("https:")
        self._http = httpx.AsyncClient(
            headers=failures.common(settings),
            verify=failures.tls(settings) if encrypted else False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=_MOST_IDLE),
            follow_redirects=False,
        )

    async def send(self, request: Request) -> Reply:
        """Send a request and return the complete answer.

        Raises:
            ConnectionFailedError: there is no complete answer.
            UnexpectedAnswerError: what answers does not speak HTTP, or without end.
        """
        async with self.open(request) as opened:
            return await opened.reply()

    @contextlib.asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[Opened]:
        """Send a request and yield the answer once its headers have come. Raises as `send`."""
        url, seconds = self._settings.url, request.seconds
        made = self._http.build_request(
            request.method,
            url + request.path,
            content=request.body,
            headers=dict(request.headers),
            timeout=httpx.Timeout(seconds, connect=failures.CONNECT_SECONDS, pool=None),
        )
        try:
            response = await self._http.send(made, stream=True)
        except httpx.ConnectTimeout:
            raise failures.unreachable(url, TimeoutError()) from None
        except httpx.ConnectError as error:
            raise failures.unreachable(url, _cause(error)) from None
        except httpx.TimeoutException:
            raise failures.silent(url, seconds) from None
        except httpx.TransportError as error:
            raise failures.broken(url, error) from None
        try:
            yield Opened(response.status_code, response, url, seconds)
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _cause(error: BaseException) -> Exception:
    """Return the error of the socket or of TLS below an error of httpx."""
    found: BaseException = error
    while (below := found.__cause__ or found.__context__) is not None:
        found = below
        if isinstance(found, OSError):
            return found
    return error if isinstance(error, Exception) else OSError(str(error))
