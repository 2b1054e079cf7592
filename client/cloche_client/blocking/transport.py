"""HTTP with the standard library's client, because it is imported in a fraction of httpx's time.

Connections are kept for the next request. Any number of threads may use one transport.
"""

from __future__ import annotations

import base64
import contextlib
import os
import select
from collections import deque
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from cloche_client import connection as failures
from cloche_client.core.wire import MOST_ANSWER_BYTES, Reply
from cloche_client.errors import UnexpectedAnswerError

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Iterator

    from cloche_client.core.wire import Request
    from cloche_client.settings import Settings

_CHUNK = 65536
_FRAMED = frozenset({"content-length", "transfer-encoding"})
_MOST_IDLE = 20
"""Connections kept open. More are used at a time if more threads send requests."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose body has not been read."""

    status: int
    response: HTTPResponse
    url: str
    seconds: float

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives. Raises ConnectionFailedError."""
        while True:
            try:
                chunk = self.response.read1(_CHUNK)
            except TimeoutError:
                raise failures.silent(self.url, self.seconds) from None
            except (OSError, HTTPException) as error:
                raise failures.broken(self.url, error) from None
            if not chunk:
                return
            yield chunk

    def reply(self) -> Reply:
        """Return the complete answer. Raises ConnectionFailedError or UnexpectedAnswerError."""
        found, size = [], 0
        for chunk in self.chunks():
            size += len(chunk)
            if size > MOST_ANSWER_BYTES:
                raise UnexpectedAnswerError("The server's answer is too long.")
            found.append(chunk)
        names = {name.lower(): value for name, value in self.response.getheaders()}
        # What is left of Content-Length; or a head that broke off, which http.client takes for one.
        cut = self.response.length or not (found or names.keys() & _FRAMED)
        if cut:
            raise failures.broken(self.url, EOFError("the answer is incomplete"))
        return Reply(self.status, names, b"".join(found))


class Transport:
    """Sends requests to one gateway."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = urlsplit(settings.url)
        self._headers = failures.common(settings)
        self._idle: deque[HTTPConnection] = deque()
        self._tls: ssl.SSLContext | None = None
        self._proxy = _proxy(self._url)

    def send(self, request: Request) -> Reply:
        """Send a request and return the complete answer.

        Raises:
            ConnectionFailedError: there is no complete answer.
            UnexpectedAnswerError: what answers does not speak HTTP, or without end.
        """
        with self.open(request) as opened:
            return opened.reply()

    @contextlib.contextmanager
    def open(
        self, request: Request, connected: Callable[[HTTPConnection], None] | None = None
    ) -> Iterator[Opened]:
        """Send a request and yield the answer as soon as its headers have come. Raises as `send`.

        `connected` gets the connection first, so that another thread can close its socket.
        """
        connection = self._connection(request.seconds)
        try:
            if connected is not None:
                connected(connection)
            response = self._exchange(connection, request)
            yield Opened(response.status, response, self._settings.url, request.seconds)
            whole = response.isclosed() or response.length == 0
            usable = whole and not response.will_close
            response.close()
        except BaseException:
            connection.close()
            raise
        if usable and len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            with contextlib.suppress(IndexError):
                self._idle.pop().close()

    def _connection(self, seconds: float) -> HTTPConnection:
        """Return a connection, if possible one that is open and that the server has not closed."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took it
                break
            if connection.sock and _is_quiet(connection.sock):
                connection.sock.settimeout(seconds)
                return connection
            connection.close()
        connection = self._made()
        try:
            connection.connect()
        except (OSError, HTTPException) as error:
            connection.close()
            raise failures.unreachable(self._settings.url, error) from None
        assert connection.sock is not None
        connection.sock.settimeout(seconds)
        return connection

    def _made(self) -> HTTPConnection:
        target = self._proxy or self._url
        assert target.hostname is not None
        seconds = failures.CONNECT_SECONDS
        if self._url.scheme == "http":
            return HTTPConnection(target.hostname, target.port or 80, timeout=seconds)
        if self._tls is None:
            self._tls = failures.tls(self._settings)
        connection = HTTPSConnection(
            target.hostname, target.port or 443, timeout=seconds, context=self._tls
        )
        if self._proxy is not None:
            assert self._url.hostname is not None
            connection.set_tunnel(self._url.hostname, self._url.port or 443, _login(self._proxy))
        return connection

    def _exchange(self, connection: HTTPConnection, request: Request) -> HTTPResponse:
        path = self._url.path + request.path
        own = {**self._headers, **request.headers}
        if self._proxy is not None and self._url.scheme == "http":
            path = f"http://{self._url.netloc}{path}"
            own |= _login(self._proxy)
        url = self._settings.url
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                # The server may answer and close before it has read a large body.
                connection.request(request.method, path, request.body, own)
            return connection.getresponse()
        except TimeoutError:
            raise failures.silent(url, request.seconds) from None
        except OSError as error:  # before HTTPException: a closed connection is both
            raise failures.broken(url, error) from None
        except HTTPException as error:
            raise UnexpectedAnswerError(
                f"{url} does not answer in HTTP ({type(error).__name__}). Is it https instead of "
                "http, or another port?"
            ) from None


def _is_quiet(sock: socket.socket) -> bool:
    """Return whether there is nothing to read. Before a request, that could only be the end."""
    if not hasattr(select, "poll"):  # Windows
        return not select.select([sock], [], [], 0)[0]
    poll = select.poll()  # has no limit of the descriptor, unlike select
    poll.register(sock, select.POLLIN)
    return not poll.poll(0)


def _proxy(url: SplitResult) -> SplitResult | None:
    """Return the proxy of the environment for a URL (`https_proxy`, `no_proxy` and so on)."""
    if not any(name.lower().endswith("_proxy") and value for name, value in os.environ.items()):
        return None
    from urllib.request import getproxies_environment, proxy_bypass  # noqa: PLC0415  rarely needed

    assert url.hostname is not None
    proxies = getproxies_environment()
    found = proxies.get(url.scheme) or proxies.get("all")
    if not found or proxy_bypass(url.hostname):
        return None
    parts = urlsplit(found if "://" in found else f"http://{found}")
    return parts if parts.hostname else None


def _login(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    text = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}
