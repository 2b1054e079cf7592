"""A relay between a gateway and the API server, in the tests' own process."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field


@dataclass
class Relay:
    """Relays connections to the API server, and drops responses on request."""

    upstream: tuple[str, int]
    lose: int = 0
    """Number of responses to drop, with their connections, after the request was forwarded."""
    passing: int = 0
    """Number of responses to forward first."""
    port: int = 0
    held: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def open(self) -> None:
        self.held.set()
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def away(self) -> None:
        """Refuse new connections and close existing ones."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    def break_connections(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self.upstream)
        asked = asyncio.Event()
        self._writers |= {writer, up_writer}
        with contextlib.suppress(OSError):
            await asyncio.gather(
                self._there(reader, up_writer, asked), self._back(up_reader, writer, asked)
            )
        self._writers -= {writer, up_writer}
        for one in (writer, up_writer):
            one.close()
            with contextlib.suppress(OSError):
                await one.wait_closed()

    async def _there(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            await self.held.wait()
            asked.set()
            writer.write(data)
            await writer.drain()
        writer.close()

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            await self.held.wait()
            if asked.is_set() and self.passing:
                self.passing -= 1
            elif asked.is_set() and self.lose:
                self.lose -= 1
                writer.transport.abort()
                return
            asked.clear()
            writer.write(data)
            await writer.drain()
        writer.close()
