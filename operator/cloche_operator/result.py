"""The result of a program whose attach did not bring it: from its Pod's log."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from cloche_api.phases import Reason
from cloche_api.rest import ApiError, UnavailableError
from cloche_operator.diagnosis import (
    end_unheard,
    gone_unheard,
    has_terminated,
    is_waiting,
    start_problem,
)
from cloche_operator.events import EventReader
from cloche_operator.outcome import EndedError
from cloche_operator.persist import persist
from cloche_operator.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from cloche_operator.context import Context

_AGAIN_SECONDS = 0.5  # between two looks at a Pod that has not said enough
_LAST_LOOK_SECONDS = 15.0  # for the log of a Pod whose time is over
_DELETION_SECONDS = 30.0  # from a Pod's deletion to the end of its log


class NeverStartedError(Exception):
    """The connection to the Pod was lost, and its log shows that the program never started."""


class _Heard(Enum):
    """What one reading of a log came to."""

    ENDED = auto()  # the supervisor's last word
    OVER = auto()  # the end of the log
    SILENT = auto()  # nothing, for the time in which the program should have started
    REFUSED = auto()  # the API server says that there is no log to read
    BROKEN = auto()  # nothing that could be relied on


class LogReader:
    """Reads what a Pod's supervisor said from the Pod's log, for as long as it takes.

    `greeted`: its supervisor was heard, so that one which ended without a start lost its input.
    """

    def __init__(
        self, ctx: Context, pod: dict[str, Any], execution: str, *, greeted: bool = False
    ) -> None:
        self._ctx = ctx
        self.greeted = greeted
        self._garbage = 0
        self._name: str = pod["metadata"]["name"]
        self._uid: str = pod["metadata"]["uid"]
        self._execution = execution
        self.transcript = Transcript(execution)
        """The longest that was read."""

    async def read(self, *, start_within: float | None = None) -> Transcript:
        """Return the whole transcript once it has ended.

        `start_within`: seconds of a standing stream in which the program must have started.

        Raises:
            EndedError: the container is dead and left no end.
            NeverStartedError: the log was read, and the program did not start in time, or its
                supervisor's input broke off.
        """
        while True:
            pod = await persist(lambda: self._ctx.kube.get_pod(self._name))
            if pod is not None and pod["metadata"]["uid"] != self._uid:
                pod = None
            # Looked at before the log is read: what a dead container wrote is all there.
            dead = pod is not None and has_terminated(pod)
            heard = await self._follow(start_within)
            if heard is _Heard.SILENT:
                # Its word may have been on the way: an API server that answers now has it.
                heard = await self._follow(None, follow=False)
                heard = _Heard.SILENT if heard is _Heard.OVER else heard
            started = self.transcript.started is not None
            if heard is _Heard.ENDED:
                if self.transcript.cut_off and not started:
                    raise NeverStartedError
                return self.transcript
            # A supervisor that says what is no event cannot be relied on for what it did not say.
            may_start_again = not self._garbage if self.greeted else start_within is not None
            if may_start_again and not started and _shows_no_start(heard, dead=dead):
                raise NeverStartedError
            if pod is None:
                raise await self._gone()
            if is_waiting(pod) and (problem := start_problem(pod)):
                raise problem
            if dead and heard in (_Heard.OVER, _Heard.REFUSED):
                raise end_unheard(pod, started=started)
            await self._ctx.pods.changed(self._name, _AGAIN_SECONDS)

    async def last_look(self) -> Transcript:
        """The whole transcript, if the supervisor has ended it by now.

        However long the API server was away: that must not cost a result. Once it answers, a log
        that still cannot be read is on a node that is lost, and is not waited for.

        Raises:
            EndedError: SupervisorHung, when it has not.
        """
        await persist(lambda: self._ctx.kube.get_pod(self._name))
        heard = _Heard.BROKEN
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_LOOK_SECONDS):
                while (heard := await self._follow(None, follow=False)) is _Heard.BROKEN:
                    await self._ctx.pods.changed(self._name, _AGAIN_SECONDS)
        if heard is not _Heard.ENDED:
            raise EndedError(
                Reason.SUPERVISOR_HUNG, "The Pod gave no result within the timeout; it was ended."
            )
        return self.transcript

    async def read_while_deleting(self) -> Transcript:
        """Delete the Pod while its log is followed, so that no start can go unseen.

        Raises:
            EndedError: the program did start and left no end, or nobody can tell.
            NeverStartedError: it did not.
        """
        try:
            async with asyncio.timeout(_DELETION_SECONDS):
                heard = await self._follow(None, meanwhile=self._delete)
        except TimeoutError:
            heard = _Heard.BROKEN
        if heard is _Heard.ENDED and (self.transcript.exit or self.transcript.started):
            return self.transcript
        if self.transcript.started is None and heard in (_Heard.ENDED, _Heard.OVER):
            raise NeverStartedError
        await self._delete()
        raise EndedError(
            Reason.RESULT_LOST,
            "The connection was lost, and the Pod's log cannot tell whether the program started.",
        )

    async def _delete(self) -> None:
        await persist(lambda: self._ctx.kube.delete_pod(self._name, self._uid))

    async def _gone(self) -> EndedError:
        """Why the Pod is no more: its last state says so, which the watch may still bring."""
        if self._ctx.pods.last(self._uid) is None:
            await self._ctx.pods.changed(self._name, _AGAIN_SECONDS)
        return gone_unheard(self._ctx.pods.last(self._uid))

    async def _follow(
        self,
        start_within: float | None,
        *,
        follow: bool = True,
        meanwhile: Callable[[], Awaitable[None]] | None = None,
    ) -> _Heard:
        """Read the log once, from its first byte.

        `start_within` counts from when the stream stands; then, too, `meanwhile` is called.
        """
        transcript, events = Transcript(self._execution), EventReader()
        try:
            async with asyncio.timeout(None) as limit:
                async with aclosing(self._ctx.kube.log(self._name, follow=follow)) as chunks:
                    await anext(chunks)
                    if start_within is not None:
                        limit.reschedule(asyncio.get_running_loop().time() + start_within)
                    if meanwhile is not None:
                        await meanwhile()
                    heard = await _take_all(chunks, events, transcript, limit)
        except TimeoutError:
            if not limit.expired():
                raise
            heard = _Heard.SILENT
        except ApiError:
            heard = _Heard.REFUSED
        except UnavailableError:
            heard = _Heard.BROKEN
        finally:
            self._garbage = transcript.garbage + events.garbage
            self._ctx.metrics.garbage.inc(self._garbage)
            if transcript.ended or transcript.started or not self.transcript.started:
                self.transcript = transcript
        return heard


async def _take_all(
    chunks: AsyncIterator[bytes], events: EventReader, into: Transcript, limit: asyncio.Timeout
) -> _Heard:
    """Take in a log until its supervisor's last word; `limit` is that of its start."""
    async for chunk in chunks:
        into.take_all(events.feed(chunk))
        if into.started is not None:
            limit.reschedule(None)
        if into.ended:
            return _Heard.ENDED
    return _Heard.OVER


def _shows_no_start(heard: _Heard, *, dead: bool) -> bool:
    """Whether a log without `started`, so read, says that there was and will be no start."""
    return heard is _Heard.SILENT or (dead and heard is _Heard.OVER)


def judged(transcript: Transcript) -> None:
    """A transcript that has ended must have ended well.

    Raises:
        EndedError: InvalidFiles or ProtocolError, with the supervisor's own words.
    """
    if (transcript.error or "").startswith("files: "):
        raise EndedError(Reason.INVALID_FILES, f"spec.{transcript.error}")
    if transcript.exit is None:
        raise EndedError(
            Reason.PROTOCOL_ERROR, f"The supervisor refused to run it: {transcript.error}"
        )
