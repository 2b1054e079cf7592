"""A Pod whose supervisor is attached: it takes one frame at a time and reports the result.

The container's standard input and output come over one WebSocket. Its channel numbers are those of
k8s.io/apimachinery/pkg/util/remotecommand, protocol v5.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import aiohttp

from cloche_api.meta import CONTAINER
from cloche_api.resources.execution import Action
from cloche_api.resources.phases import Reason
from cloche_operator.model.status import EndedError
from cloche_operator.protocol.events import EventReader
from cloche_operator.protocol.frame import HELLO, PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloche_kube.client import Rest
    from cloche_operator.kube.api import Kube
    from cloche_operator.model.pod import Pod
    from cloche_operator.model.pod_manifest import PodShape
    from cloche_operator.protocol.events import Transcript

_PROTOCOL = "v5.channel.k8s.io"
_STDIN, _STDOUT = 0, 1
_CHUNK = 32 * 1024  # the size of the kubelet's buffer
_READY_SECONDS = 5.0  # from a hello or an exit to the supervisor's `ready`
_CLOSE_SECONDS = 1.0  # for the closing handshake
_LOOPBACK = ("127.0.0.1", "::1")
_PROBLEM_CHARACTERS = 500


class Localhost:
    """What a `ready` event reports about localhost. The Pod may report anything."""

    def __init__(self, event: dict[str, Any]) -> None:
        reported = event["localhost"] if isinstance(event.get("localhost"), list) else []
        self.addresses = [address for address in _LOOPBACK if address in reported]
        """The loopback addresses that programs can use."""
        problem = event.get("localhost_problem")
        self.problem = problem[:_PROBLEM_CHARACTERS] if isinstance(problem, str) else ""
        """Why programs cannot use all of them, or empty."""


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


class Sandbox:
    """An attached Pod. It is spent once its stream ends, because its stdin then stays closed.

    `api_answers` returns as soon as the API server answers.
    """

    def __init__(
        self,
        pod: Pod,
        shape: PodShape,
        attachment: Attachment,
        api_answers: Callable[[], Awaitable[Any]],
    ) -> None:
        self._api_answers = api_answers
        self.pod = pod
        self.name = pod.name
        self.uid = pod.uid
        self.shape = shape
        self.runs = 0
        """Frames that were sent to it."""
        self._born = time.monotonic()
        self.localhost: Localhost | None = None
        """What its last `ready` reported; None if it reported nothing."""
        self.actions: frozenset[str] = frozenset()
        """The actions on files that its supervisor knows. In an earlier image it reports none."""
        self.knows_cells = False
        """Whether its supervisor can keep an interpreter. In an earlier image it cannot."""
        self._can_prestart = False
        self.prestarted = False
        """Whether a prestart frame was sent to it."""
        self._marked = not pod.waits
        self._on_spent: list[Callable[[Sandbox], None]] = []
        self._attachment = attachment
        self._events = EventReader()
        self._transcript: Transcript | None = None
        self._protocol: int | None = None
        self._error: str | None = None
        self._closed = False
        self._news = asyncio.Event()
        self._listening = asyncio.create_task(self._listen(), name=f"sandbox {self.name}")

    @property
    def spent(self) -> bool:
        """Whether it can take no more frames."""
        return self._closed or self._error is not None or self._events.gap

    @property
    def marked(self) -> bool:
        """Whether its labels show that it is claimed, or are being changed to that."""
        return self._marked

    def set_marked(self) -> None:
        """Record that its labels are changed now."""
        self._marked = True

    def call_when_spent(self, callback: Callable[[Sandbox], None]) -> None:
        """Have this called once when it can take no more frames, unless it is closed before."""
        self._on_spent.append(callback)

    @property
    def age(self) -> float:
        """Seconds since it was attached."""
        return time.monotonic() - self._born

    @property
    def garbage(self) -> int:
        """Lines that are not events."""
        return self._events.garbage

    async def greet(self) -> bool:
        """Send the hello and wait for `ready`. Return False if the stream ends before.

        Raises:
            EndedError: ProtocolError, if there is another answer or none.
        """
        try:
            await self._attachment.send(HELLO)
        except ConnectionError:
            return False
        return await self.is_ready()

    async def is_ready(self) -> bool:
        """Wait for the supervisor's `ready`. Return False if the stream ends before.

        Raises:
            EndedError: ProtocolError, if there is another answer or none.
        """
        if not await self._has_answered():
            # The answer comes through the API server, so the silence counts only once that answers.
            await self._api_answers()
            await self._has_answered()
        if self._protocol == PROTOCOL:
            return True
        heard = "no answer"
        if self._error is not None or self._protocol is not None:
            heard = self._error or f"protocol {self._protocol}"
        elif self.spent:
            return False
        raise EndedError(
            Reason.PROTOCOL_ERROR,
            f"The supervisor in the image does not support protocol {PROTOCOL}: {heard}",
        )

    async def send(self, frame: bytes, transcript: Transcript) -> bool:
        """Send a frame, whose events go into the transcript. Return whether all of it was sent."""
        self._transcript, self._protocol = transcript, None
        self.runs += 1
        try:
            await self._attachment.send(frame)
        except BaseException as error:
            self._transcript = None
            if isinstance(error, ConnectionError):
                return False
            raise
        return True

    async def tell(self, frame: bytes) -> None:
        """Send a frame that has no answer. If it is lost, the stream ends."""
        with contextlib.suppress(ConnectionError):
            await self._attachment.send(frame)

    async def prestart(self, frame: bytes | None) -> None:
        """Send a prestart frame once, if the supervisor knows it. No other frame may be sent now.

        The supervisor does not answer. If the connection is lost, the Pod is spent.
        """
        if frame is None or self.prestarted or not self._can_prestart or self.spent:
            return
        self.prestarted = True
        with contextlib.suppress(ConnectionError):
            await self._attachment.send(frame)

    async def hear(self) -> bool:
        """Receive the events of the frame that was sent. Return whether the transcript is whole."""
        transcript = self._transcript
        assert transcript is not None
        try:
            while not transcript.ended and not self.spent:
                await self._change()
        finally:
            self._transcript = None
        return transcript.ended and not self._events.gap

    async def close(self) -> None:
        """Close the stream, and with it the Pod's input. It may be closed twice."""
        self._on_spent.clear()
        self._closed = True
        self._listening.cancel()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._attachment.close()
        except TimeoutError:
            pass

    async def _has_answered(self) -> bool:
        """Wait for an answer or the end of the stream. Return False if neither comes in time."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while self._protocol is None and not self.spent:
                    await self._change()
        except TimeoutError:
            return False
        return True

    async def _change(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def _listen(self) -> None:
        try:
            while (data := await self._attachment.read()) is not None:
                for event in self._events.feed(data):
                    self._hear(event)
                self._news.set()
                if self.spent:
                    break
        finally:
            self._closed = True
            self._news.set()
            while self._on_spent:
                self._on_spent.pop()(self)

    def _hear(self, event: dict[str, Any]) -> None:
        if event.get("event") == "ready" and type(event.get("protocol")) is int:
            self._protocol = event["protocol"]
            self.localhost = Localhost(event) if "localhost" in event else None
            actions = event.get("actions")
            reported = actions if isinstance(actions, list) else []
            self.actions = frozenset(one for one in Action if one in reported)
            self.knows_cells = event.get("cells") is True
            self._can_prestart = event.get("prestart") is True
        elif self._transcript is not None and not self._transcript.ended:
            self._transcript.take(event)
        elif event.get("event") == "error":
            self._error = str(event.get("message"))
