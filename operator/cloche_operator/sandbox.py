"""A Pod whose supervisor listens: it takes frames, one at a time, and says what came of them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from cloche_api.phases import Reason
from cloche_operator.events import EventReader
from cloche_operator.frame import HELLO, PROTOCOL
from cloche_operator.outcome import EndedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloche_operator.attach import Attachment
    from cloche_operator.pods import PodShape
    from cloche_operator.transcript import Transcript

_READY_SECONDS = 5.0  # from a hello, or an exit, to the supervisor's `ready`
_CLOSE_SECONDS = 1.0  # for the other side's farewell


class Sandbox:
    """An attached Pod. Once its stream has ended it is spent: its stdin is closed for good.

    `api_answers` returns as soon as the API server does.
    """

    def __init__(
        self,
        pod: dict[str, Any],
        shape: PodShape,
        attachment: Attachment,
        api_answers: Callable[[], Awaitable[Any]],
    ) -> None:
        self._api_answers = api_answers
        self.pod = pod
        self.name: str = pod["metadata"]["name"]
        self.uid: str = pod["metadata"]["uid"]
        self.shape = shape
        self.tenant: str | None = None
        """Whose programs it has run; None when it has run none."""
        self.runs = 0
        """Frames that it was given."""
        self._born = time.monotonic()
        self.unmarked = False
        """Whether its labels say that it waits, as a Pod's of the pool."""
        self.on_spent: Callable[[Sandbox], None] | None = None
        """Called once, when it can take no more frames."""
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
    def age(self) -> float:
        """Seconds since it was attached."""
        return time.monotonic() - self._born

    @property
    def garbage(self) -> int:
        """Lines that were no events."""
        return self._events.garbage

    async def greet(self) -> bool:
        """Say hello and hear `ready`; False when the stream ends before.

        Raises:
            EndedError: ProtocolError, when something else answers, or nothing.
        """
        try:
            await self._attachment.send(HELLO)
        except ConnectionError:
            return False
        return await self.is_ready()

    async def is_ready(self) -> bool:
        """Wait for the supervisor's `ready`; False when the stream ends before.

        Raises:
            EndedError: ProtocolError, when something else answers, or nothing.
        """
        if not await self._has_answered():
            # The answer comes through the API server: while that is away, nobody is silent.
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
            f"The supervisor in the image does not speak protocol {PROTOCOL}: {heard}",
        )

    async def send(self, frame: bytes, transcript: Transcript) -> bool:
        """Hand over a frame, whose events go into the transcript; whether all of it was sent."""
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

    async def hear(self) -> bool:
        """Hear the frame that was sent to its end; whether its transcript is whole."""
        transcript = self._transcript
        assert transcript is not None
        try:
            while not transcript.ended and not self.spent:
                await self._change()
        finally:
            self._transcript = None
        return transcript.ended and not self._events.gap

    async def close(self) -> None:
        """End the stream, and with it the Pod's input; closing twice is fine."""
        self.on_spent = None
        self._closed = True
        self._listening.cancel()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._attachment.close()
        except TimeoutError:
            pass

    async def _has_answered(self) -> bool:
        """Wait for a word, or the end of the stream; False when neither comes in time."""
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
            if self.on_spent is not None:
                self.on_spent(self)

    def _hear(self, event: dict[str, Any]) -> None:
        if event.get("event") == "ready" and type(event.get("protocol")) is int:
            self._protocol = event["protocol"]
        elif self._transcript is not None and not self._transcript.ended:
            self._transcript.take(event)
        elif event.get("event") == "error":
            self._error = str(event.get("message"))
