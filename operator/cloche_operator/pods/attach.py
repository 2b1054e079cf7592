"""Attaching to a Pod: its container's standard input and output over one WebSocket.

The channel numbers are those of k8s.io/apimachinery/pkg/util/remotecommand, protocol v5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from cloche_api.meta import CONTAINER

if TYPE_CHECKING:
    from cloche_kube.client import Rest
    from cloche_operator.kube.api import Kube

_PROTOCOL = "v5.channel.k8s.io"
_STDIN, _STDOUT = 0, 1
_CHUNK = 32 * 1024  # the size of the kubelet's buffer


class Attachment:
    """An open attach. Closing it closes the container's stdin permanently (stdinOnce)."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, data: bytes) -> None:
        """Write to the container's standard input.

        Raises:
            ConnectionError: the WebSocket is closed; some of the data may have arrived.
        """
        for start in range(0, len(data), _CHUNK):
            await self._socket.send_bytes(bytes([_STDIN]) + data[start : start + _CHUNK])

    async def read(self) -> bytes | None:
        """Return the next bytes of the container's standard output, or None at its end."""
        while True:
            message = await self._socket.receive()
            if message.type is not aiohttp.WSMsgType.BINARY:
                return None
            if message.data[:1] == bytes([_STDOUT]) and len(message.data) > 1:
                return bytes(message.data[1:])

    async def close(self) -> None:
        """Close the WebSocket. It may be closed twice."""
        await self._socket.close()


async def attach(rest: Rest, kube: Kube, pod: str) -> Attachment:
    """Attach to a Pod's container.

    Raises:
        UnavailableError: the container is not running (yet), or the API server does not answer.
    """
    params = {"container": CONTAINER, "stdin": "true", "stdout": "true", "stderr": "false"}
    return Attachment(await rest.websocket(kube.attach_path(pod), params, _PROTOCOL))
