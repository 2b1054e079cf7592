"""Follow the events of an execution over any number of connections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cloche_client.core import answers, wire
from cloche_client.core.fields import Fields, fields
from cloche_client.core.retry import Retry, retry_after
from cloche_client.core.sse import Decoder, Message
from cloche_client.errors import ConnectionFailedError, UnexpectedAnswerError
from cloche_client.events import Event, Exit, ResultShown, Started, Stderr, Stdout

if TYPE_CHECKING:
    from cloche_client.core.wire import Reply, Request

_BUSY = frozenset({429, 503})
SILENCE_SECONDS = 40.0
"""The server sends a comment after each 15 s without an event."""


@dataclass(slots=True)
class Feed:
    """The events of an execution. The driver sends `request` after `pause` until `done`.

    It reports what happens: `take` for each part of a stream, `closed` when it ended, `refused` for
    another answer, `lost` for a broken connection. The last three raise if it must end.
    """

    execution_id: str
    retry: Retry
    silence: float = SILENCE_SECONDS
    """Seconds without an event after which a connection counts as broken."""
    done: bool = False
    pause: float = 0.0
    """Seconds to wait before the next request."""
    _failures: int = 0
    _last_id: str = ""
    _decoder: Decoder = field(default_factory=Decoder)

    def request(self) -> Request:
        """Return the request that continues after the last event."""
        self._decoder = Decoder(last_id=self._last_id)
        headers = {"Accept": "text/event-stream"}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        path = f"/api/v1/executions/{wire.part(self.execution_id)}/events"
        return wire.Request("GET", path, headers=headers, seconds=self.silence)

    def take(self, chunk: bytes) -> list[Event]:
        """Return the events that a part of the stream completes. Raises UnexpectedAnswerError."""
        found: list[Event] = []
        for message in self._decoder.feed(chunk):
            if message.id.isascii() and message.id.isprintable():  # it becomes a header
                self._last_id = message.id or self._last_id
            self._failures = 0
            if (event := _event(message)) is not None:
                found.append(event)
                self.done = isinstance(event, Exit)
        return found

    def closed(self) -> None:
        """Prepare the next request after a stream that ended early. Raises as `lost`."""
        error = ConnectionFailedError(
            f"The server ends the events of execution {self.execution_id} before its end.",
            sent=True,
        )
        self.lost(error)

    def lost(self, error: ConnectionFailedError) -> None:
        """Prepare the next request after a broken connection. Raises the error after the last."""
        self._failures += 1
        if self._failures >= self.retry.attempts:
            raise error
        self.pause = self.retry.back_off(self._failures)

    def refused(self, reply: Reply) -> None:
        """Prepare the next request if the server was busy. Raises ClocheError otherwise."""
        self._failures += 1
        pause = retry_after(reply) or self.retry.back_off(self._failures)
        if (
            reply.status not in _BUSY
            or self._failures >= self.retry.attempts
            or pause > self.retry.seconds
        ):
            raise answers.error_of(reply)
        self.pause = pause


def _event(message: Message) -> Event | None:
    """Return an event, None for a type that only a later version knows."""
    if message.kind not in {"started", "stdout", "stderr", "result", "exit"}:
        return None
    data = _data(message)
    if message.kind == "started":
        return Started(data.optional_text("time"))
    if message.kind == "exit":
        return Exit(answers.state_of(data))
    if message.kind == "result":
        return ResultShown(answers.shown_of(data), data.flag("replayed"))
    kind = Stdout if message.kind == "stdout" else Stderr
    return kind(data.text("data"), data.flag("replayed"))


def _data(message: Message) -> Fields:
    try:
        return fields(message.data.encode())
    except UnexpectedAnswerError:
        raise UnexpectedAnswerError("The server sent an event that is not JSON.") from None
