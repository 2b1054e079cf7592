"""The result of a program that runs: from its attach, and else from its Pod's log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloche_api.execution import Reason
from cloche_api.rest import ApiError, NotFoundError, UnavailableError
from cloche_operator.diagnosis import end_unheard, gone_unheard, has_terminated
from cloche_operator.outcome import EndedError
from cloche_operator.persist import persist
from cloche_operator.transcript import Transcript

if TYPE_CHECKING:
    from cloche_operator.attach import Attachment
    from cloche_operator.context import Context

_AGAIN_SECONDS = 0.5  # between two looks at a Pod that has not said enough


class NeverStartedError(Exception):
    """The connection to the Pod was lost, and its log shows that the program never started."""


async def listen(attachment: Attachment, transcript: Transcript) -> bool:
    """Read events from the attach to their end; whether the transcript is whole."""
    while not transcript.ended and not transcript.gap:
        data = await attachment.read()
        if data is None:
            break
        transcript.feed(data)
    return transcript.ended and not transcript.gap


class LogReader:
    """Reads what a Pod's supervisor said from the Pod's log, for as long as it takes."""

    def __init__(self, ctx: Context, pod_name: str, pod_uid: str, execution: str) -> None:
        self._ctx = ctx
        self._name = pod_name
        self._uid = pod_uid
        self._execution = execution
        self.transcript = Transcript(execution)
        """The longest that was read."""

    async def read(self, *, start_within: float | None = None) -> Transcript:
        """Return the whole transcript once it has ended.

        `start_within`: seconds in which the program must have started.

        Raises:
            EndedError: the container is dead and left no end.
            NeverStartedError: it did not start in time, or the supervisor gave up before, for
                its input was cut off.
        """
        while True:
            pod = await persist(lambda: self._ctx.kube.get_pod(self._name))
            if pod is not None and pod["metadata"]["uid"] != self._uid:
                pod = None
            # Looked at before the log is read: what a dead container wrote is all there.
            dead = pod is None or has_terminated(pod)
            if await self._follow(start_within):
                if self.transcript.exit is None and self.transcript.started is None:
                    raise NeverStartedError
                return self.transcript
            if dead:
                started = self.transcript.started is not None
                if start_within is not None and not started and pod is not None:
                    raise NeverStartedError
                if pod is None:
                    raise await self._gone()
                raise end_unheard(pod, started=started)
            if start_within is not None and self.transcript.started is None:
                raise NeverStartedError
            await self._ctx.pods.changed(self._name, _AGAIN_SECONDS)

    async def _gone(self) -> EndedError:
        """Why the Pod is no more: its last state says so, which the watch may still bring."""
        if self._ctx.pods.last(self._uid) is None:
            await self._ctx.pods.changed(self._name, _AGAIN_SECONDS)
        return gone_unheard(self._ctx.pods.last(self._uid))

    async def _follow(self, start_within: float | None) -> bool:
        """Read the log once, to its end or the transcript's; whether the latter was reached."""
        transcript = Transcript(self._execution)
        try:
            async with asyncio.timeout(start_within) as limit:
                async for chunk in self._ctx.kube.follow_log(self._name):
                    transcript.feed(chunk)
                    if transcript.started is not None:
                        limit.reschedule(None)
                    if transcript.ended:
                        break
        except (TimeoutError, NotFoundError, ApiError, UnavailableError):
            pass  # read again, or the Pod's status says why not
        self._ctx.metrics.garbage.inc(transcript.garbage)
        if transcript.ended or transcript.started or not self.transcript.started:
            self.transcript = transcript
        return transcript.ended


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
