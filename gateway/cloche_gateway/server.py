"""The HTTP server and its graceful shutdown."""

from __future__ import annotations

import asyncio
import functools
import socket
from typing import TYPE_CHECKING, cast

import uvicorn

from cloche_gateway.app import create_app
from cloche_gateway.dialects import WEBSOCKETS
from cloche_gateway.http.connections import SEND_BYTES, Bounds
from cloche_gateway.http.incoming import RECEIVE_BYTES
from cloche_gateway.http.server_protocol import BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_gateway.context import Context

_LAST_ANSWERS_SECONDS = 3
"""Time for responses that are being sent when `drain_seconds` are over."""
_KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open. This is longer than the 60 s after which nginx and many
load balancers close an upstream connection. If the server closed it first, a request could be on
its way and would be lost."""


def _protocol(bounds: Bounds, paths: frozenset[bytes]) -> Callable[..., asyncio.Protocol]:
    """Return what makes the protocol of a connection. `paths` may become websockets."""
    if not paths:
        return functools.partial(BoundedProtocol, bounds=bounds)
    # The package for websockets takes memory that a gateway without them does not need.
    from cloche_gateway.http.upgrade import UpgradingProtocol  # noqa: PLC0415

    return functools.partial(UpgradingProtocol, bounds=bounds, paths=paths)


class Server(uvicorn.Server):
    """uvicorn with limits on connections, and a shutdown that answers waiting requests in time."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        bounds = Bounds(settings.connections, settings.send_timeout_seconds, context.budget)
        paths = frozenset(path for name in settings.dialects for path in WEBSOCKETS.get(name, ()))
        protocol = _protocol(bounds, paths)
        super().__init__(
            uvicorn.Config(
                create_app(context),
                host=settings.host,
                port=settings.port,
                http=cast("type[asyncio.Protocol]", protocol),  # a factory of one
                ws="none",
                lifespan="off",  # the context outlives the server
                log_config=None,
                access_log=False,
                proxy_headers=False,  # the sender of X-Forwarded-For cannot be verified
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=int(settings.drain_seconds) + _LAST_ANSWERS_SECONDS,
            )
        )
        self._context = context
        context.metrics.observe_connections(lambda: len(self.server_state.connections))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, with limits on the kernel's buffers for each accepted connection.

        The buffers count as the container's memory, and the process's memory budget does not limit
        them.
        """
        await super().startup(sockets)
        stuck = int(1000 * self._context.settings.send_timeout_seconds)
        for server in self.servers:
            for listener in server.sockets:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
                # For a client that reads nothing or has vanished, because the gateway's timers do
                # not cover data in the kernel's buffers.
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stuck)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening and wait for the requests in flight.

        After `drain_seconds`, the context is drained: all waiting requests are answered at once.
        """
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._context.settings.drain_seconds, self._context.drain)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()

    @property
    def bound_port(self) -> int:
        """Return the port that the server listens on. Start the server first."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port
