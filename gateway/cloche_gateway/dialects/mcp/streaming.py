"""The answer to a call whose client wants to receive progress: server-sent events.

What the program prints comes from the feed of its execution, as in `routes/event_stream`. Of it, a
stream keeps only the last line, so a slow client costs no more memory than another.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Any

from fastapi.sse import KEEPALIVE_COMMENT
from pydantic_core import to_json

from cloche_gateway.cluster.feed import Position
from cloche_gateway.errors import GatewayError
from cloche_gateway.routes.event_stream import PartStream
from cloche_gateway.services import execution, output_events
from cloche_kube.tasks import first_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.context import Context
    from cloche_gateway.dialects.mcp.wire import RequestId
    from cloche_gateway.results import Answer
    from cloche_gateway.services.output_events import Event
    from cloche_gateway.services.submission import Plan

_PAUSE_SECONDS = 0.5
"""The least time between two notifications."""
_SILENCE_SECONDS = 15.0
"""Time without a notification after which a comment is sent, because proxies close idle
connections."""
_LINE_CHARACTERS = 200
"""Length of the line in a notification."""


class Run:
    """An execution that runs in addition to the stream of its progress.

    `cancels`: whether the execution is cancelled when the client disconnects.
    """

    def __init__(self, context: Context, planned: Plan, *, cancels: bool) -> None:
        self.name = planned.name
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._created = asyncio.Event()
        self.task: asyncio.Task[Answer] = asyncio.create_task(
            execution.execute(
                context, planned, self._gone, created=self._created.set, cancels=cancels
            )
        )

    async def begun(self) -> None:
        """Wait until the execution has been created or could not be created."""
        try:
            await first_of(self.task, self._created.wait())
        except asyncio.CancelledError:
            self.task.cancel()
            raise

    async def leave(self) -> None:
        """End the wait for the execution, because the client has disconnected or has its answer."""
        if not self.task.done():
            self._gone.set_result(None)
        await asyncio.gather(self.task, return_exceptions=True)


class ProgressStream(PartStream):
    """A response with notifications of progress, and at the end the message that `last` makes.

    `last` is called when the execution has ended, or cannot be awaited any longer.
    """

    def __init__(
        self,
        context: Context,
        caller: Caller,
        run: Run,
        token: RequestId,
        last: Callable[[], Awaitable[dict[str, Any]]],
    ) -> None:
        follow = functools.partial(_follow, context, caller, run.name)
        super().__init__(_parts(run, token, follow, last))
        self._run = run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until the stream ends or the client disconnects."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._run.leave()


class _Progress:
    """The number of events so far, and the last line that the program printed."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self._count = 0
        self._line = ""

    def saw(self, event: Event) -> None:
        if event.kind == "exit":
            return
        self._count += 1
        if event.kind == "started":
            self._line = "The program has started."
        else:
            lines = event.data["data"][-_LINE_CHARACTERS:].splitlines()
            self._line = next((one for one in reversed(lines) if one.strip()), self._line)
        self.news.set()

    def notification(self, token: RequestId) -> dict[str, Any]:
        params = {"progressToken": token, "progress": self._count, "message": self._line}
        return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}


async def _parts(
    run: Run,
    token: RequestId,
    follow: Callable[[_Progress], Awaitable[None]],
    last: Callable[[], Awaitable[dict[str, Any]]],
) -> AsyncGenerator[bytes, None]:
    progress = _Progress()
    follower = asyncio.ensure_future(follow(progress))
    try:
        while not run.task.done():
            try:
                first = await first_of(run.task, progress.news.wait(), seconds=_SILENCE_SECONDS)
            except TimeoutError:
                yield KEEPALIVE_COMMENT
                continue
            if first is run.task:
                break
            progress.news.clear()
            yield _event(progress.notification(token))
            with contextlib.suppress(TimeoutError):
                await first_of(run.task, seconds=_PAUSE_SECONDS)
    finally:
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
    yield _event(await last())


async def _follow(context: Context, caller: Caller, name: str, progress: _Progress) -> None:
    """Watch the output of an execution, if there is room for it. Its result does not need it."""
    with contextlib.suppress(GatewayError):
        obj = await output_events.execution(context, caller, name)
        events = output_events.events(context, obj, Position())
        del obj  # frees it, because a stream can last for minutes
        async with contextlib.aclosing(events):
            async for event in events:
                if event is not None:
                    progress.saw(event)


def _event(message: dict[str, Any]) -> bytes:
    """Return an event with a message, whose JSON has no line breaks."""
    return b"data: " + to_json(message) + b"\n\n"
