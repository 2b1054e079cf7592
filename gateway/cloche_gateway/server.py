"""The HTTP server, and its end: first no new connections, then the waiting ones are answered."""

from __future__ import annotations

import asyncio
import functools
import socket
from typing import TYPE_CHECKING, cast

import uvicorn

from cloche_gateway.app import create_app
from cloche_gateway.backlog import SEND_BYTES
from cloche_gateway.connections import Bounds
from cloche_gateway.incoming import RECEIVE_BYTES
from cloche_gateway.protocol import BoundedProtocol

if TYPE_CHECKING:
    from cloche_gateway.context import Context

_LAST_ANSWERS_SECONDS = 3
"""For answers on their way once the drain's time is over."""
_KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays. Longer than the 60 s after which nginx's upstreams and many
load balancers let go of it: whoever closes first may meet a request on its way, which is lost."""


class Server(uvicorn.Server):
    """uvicorn, whose shutdown has waiting requests answered in time."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        bounds = Bounds(settings.connections, settings.send_timeout_seconds, context.budget)
        protocol = functools.partial(BoundedProtocol, bounds=bounds)
        super().__init__(
            uvicorn.Config(
                create_app(context),
                host=settings.host,
                port=settings.port,
                http=cast("type[asyncio.Protocol]", protocol),  # which makes one
                ws="none",
                lifespan="off",  # the context lives longer than the server
                log_config=None,
                access_log=False,
                proxy_headers=False,  # who sends X-Forwarded-For is not known here
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=int(settings.drain_seconds) + _LAST_ANSWERS_SECONDS,
            )
        )
        self._context = context
        context.metrics.observe_connections(lambda: len(self.server_state.connections))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, with bounds on what the kernel keeps for each connection that is accepted.

        Its buffers are memory of the container too, which nobody else bounds.
        """
        await super().startup(sockets)
        stuck = int(1000 * self._context.settings.send_timeout_seconds)
        for server in self.servers:
            for listener in server.sockets:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
                # For a client that takes nothing, or is gone: no timer of ours sees the kernel.
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stuck)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse new connections, wait for requests up to the drain's time, then answer them."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._context.settings.drain_seconds, self._context.drain)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()

    @property
    def bound_port(self) -> int:
        """The port that it listens on, once started."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port
