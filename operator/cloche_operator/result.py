"""The result of a program whose attach did not bring it: from its Pod's log."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cloche_api.phases import Reason
from cloche_api.rest import UnavailableError
from cloche_operator.attach import attach
from cloche_operator.diagnosis import (
    end_unheard,
    gone_unheard,
    has_terminated,
    is_waiting,
    refused_its_input,
    start_problem,
)
from cloche_operator.outcome import EndedError
from cloche_operator.persist import persist
from cloche_operator.reading import Heard, Reading
from cloche_operator.transcript import Transcript

if TYPE_CHECKING:
    from cloche_operator.context import Context

_AGAIN_SECONDS = 0.5  # between two looks at a Pod that has not said enough
_LAST_LOOK_SECONDS = 15.0  # for the log of a Pod whose time is over
_INPUT_SECONDS = 30.0  # from the end of a Pod's input to that of its container
_ATTACH_SECONDS = 0.5  # from the API server's answer to the kubelet's attach

log = logging.getLogger(__name__)


class NeverStartedError(Exception):
    """The connection to the Pod was lost, and it is proved that the program never started."""


class SilentError(Exception):
    """A log that is followed does not show a start in time, which proves nothing."""


class LogReader:
    """Reads what a Pod's supervisor said from the Pod's log, for as long as it takes.

    A log proves what is in it, never what is not: its beginning may have been rotated away, what
    the container wrote while containerd was down is lost with the container, and the API server
    ends a stream cleanly that broke. Two things prove that the program was not started:
    - the supervisor's own last word, that its input ended, as the end of a log without a gap;
    - the container's exit code, which is the supervisor's for an input that it could not use.

    `sent`: the input may have been sent to the Pod, so that an end without a start may be that of
    a program which nobody heard of.
    """

    def __init__(
        self, ctx: Context, pod: dict[str, Any], execution: str, *, sent: bool = False
    ) -> None:
        self._ctx = ctx
        self._sent = sent
        self._garbage = 0
        self._name: str = pod["metadata"]["name"]
        self._uid: str = pod["metadata"]["uid"]
        self._execution = execution
        self._bytes = 0
        self.transcript = Transcript(execution, whole=True)
        """The longest that was read."""

    @property
    def started(self) -> bool:
        """Whether anybody has heard that the program was started, from the log or the attach."""
        return self.transcript.has_started

    def know(self, heard: Transcript) -> None:
        """Take in what was heard over the attach, which the log may have lost by now."""
        if heard.has_started:
            self.transcript = heard

    async def read(self, *, start_within: float | None = None) -> Transcript:
        """Return the whole transcript once it has ended.

        `start_within`: seconds of a standing stream in which the program must have started.

        Raises:
            EndedError: the container is dead and left no end.
            NeverStartedError: the program was not started, and will not be.
            SilentError: the program did not start in time.
        """
        while True:
            # Looked at before the log is read: what a dead container wrote is all there.
            pod = await self._pod()
            if pod is None:
                raise await self._gone()
            dead = has_terminated(pod)
            heard = await self._read_once(follow=True, start_within=start_within)
            if heard is Heard.SILENT:
                # Its word may have been on the way: an API server that answers now has it.
                heard = await self._read_once(follow=False)
                heard = Heard.SILENT if heard is Heard.OVER else heard
            elif heard is Heard.OVER and dead:
                heard = await self._read_again()
            if heard is Heard.ENDED:
                return self._ended()
            if heard is Heard.SILENT and not self.started:
                raise SilentError
            if is_waiting(pod) and (problem := start_problem(pod)):
                raise problem
            if dead and heard in (Heard.OVER, Heard.REFUSED):
                raise self._dead(pod)
            await self._ctx.pods.changed(self._name, _AGAIN_SECONDS)

    async def last_look(self) -> Transcript:
        """The whole transcript, if the supervisor has ended it by now.

        However long the API server was away: that must not cost a result. Once it answers, a log
        that still cannot be read is on a node that is lost, and is not waited for.

        Raises:
            EndedError: SupervisorHung, when it has not.
            NeverStartedError: it has ended because its input did.
        """
        await persist(lambda: self._ctx.kube.get_pod(self._name))
        heard = Heard.BROKEN
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_LOOK_SECONDS):
                while True:
                    heard = await self._read_once(follow=False)
                    if heard is Heard.OVER:
                        heard = await self._read_again()
                    if heard is not Heard.BROKEN:
                        break
                    await self._ctx.pods.changed(self._name, _AGAIN_SECONDS)
        if heard is not Heard.ENDED:
            raise EndedError(
                Reason.SUPERVISOR_HUNG, "The Pod gave no result within the timeout; it was ended."
            )
        return self._ended()

    async def read_after_input(self, seconds: float) -> Transcript:
        """End the Pod's input and read its log to the end, which tells whether it started.

        A supervisor whose input ends before it has a frame says so and ends. Whatever somebody
        else still sends comes too late. To a program that runs after all it does nothing.

        `seconds`: that a program may take which runs after all.

        Raises:
            EndedError: the program did start and left no end, or nobody can tell.
            NeverStartedError: it did not.
        """
        ending = asyncio.create_task(self._end_input())
        try:
            async with asyncio.timeout(seconds + _INPUT_SECONDS):
                return await self.read()
        except TimeoutError as error:
            if self.started:
                return await self.last_look()
            raise _untold() from error
        finally:
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)

    async def _end_input(self) -> None:
        """Attach to the container and let go of it, which closes its input for good (stdinOnce).

        Again and again until the container is dead: the API server answers before the kubelet has
        attached, and an attach that was closed before that may end nothing.
        """
        while (pod := await self._pod()) is not None and not has_terminated(pod):
            await self._ctx.lease.held()
            try:
                attachment = await attach(self._ctx.rest, self._ctx.kube, self._name)
            except UnavailableError as error:
                log.info("the input of Pod %s is not ended yet: %s", self._name, error)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_ATTACH_SECONDS):
                        await attachment.read()
                await attachment.close()
            await self._ctx.pods.changed(self._name, _AGAIN_SECONDS)

    async def _pod(self) -> dict[str, Any] | None:
        """The Pod, as it now is; None when it is gone, whoever has its name."""
        pod = await persist(lambda: self._ctx.kube.get_pod(self._name))
        return pod if pod is not None and pod["metadata"]["uid"] == self._uid else None

    def _ended(self) -> Transcript:
        """The transcript that has ended.

        Raises:
            NeverStartedError: it ends with the words that nothing was started.
            EndedError: the end or the start is missing in it.
        """
        heard = self.transcript
        if heard.cut_off and (heard.has_started or heard.gap):
            raise _untold()
        if heard.cut_off:
            raise NeverStartedError
        return heard

    def _dead(self, pod: dict[str, Any]) -> EndedError:
        """Why a dead container left no end, by its exit code.

        Raises:
            NeverStartedError: the program was not started.
        """
        # A supervisor that says what is no event cannot be relied on for its exit code.
        if self._sent and not self.started and not self._garbage and refused_its_input(pod):
            raise NeverStartedError
        nonsense = self._garbage > 0 and not self.transcript.gap  # of what is no supervisor
        return end_unheard(pod, started=self.started or (self._sent and not nonsense))

    async def _read_again(self) -> Heard:
        """Read what there is once more: the end of a stream counts when it comes at the same byte.

        The API server ends a log's stream cleanly when the kubelet breaks it off
        (k8s.io/apiserver, responsewriters.StreamObject drops the error of its copy).
        """
        before = self._bytes
        heard = await self._read_once(follow=False)
        return Heard.BROKEN if heard is Heard.OVER and self._bytes != before else heard

    async def _read_once(self, *, follow: bool, start_within: float | None = None) -> Heard:
        """Read the log from its first byte, and keep what was heard unless more is known."""
        reading = Reading(self._execution)
        try:
            await reading.read(self._ctx.kube, self._name, follow=follow, start_within=start_within)
        finally:
            self._bytes, self._garbage = reading.bytes, reading.garbage
            self._ctx.metrics.garbage.inc(reading.garbage)
            self.transcript = reading.transcript.completed_by(self.transcript)
        return reading.heard

    async def _gone(self) -> EndedError:
        """Why the Pod is no more: its last state says so, which the watch may still bring."""
        if self._ctx.pods.last(self._uid) is None:
            await self._ctx.pods.changed(self._name, _AGAIN_SECONDS)
        return gone_unheard(self._ctx.pods.last(self._uid))


def _untold() -> EndedError:
    return EndedError(
        Reason.RESULT_LOST,
        "The connection was lost, and the Pod's log lacks what the program did.",
    )


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
