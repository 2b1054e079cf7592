"""Reads the result of a program from its Pod's log, if the attach did not deliver it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cloche_api.resources.phases import Reason
from cloche_kube.errors import UnavailableError
from cloche_kube.retry import retry_until_available
from cloche_operator.kube.log_stream import Heard, Reading
from cloche_operator.model.diagnosis import (
    end_unheard,
    gone_unheard,
    has_terminated,
    is_waiting,
    refused_its_input,
    start_problem,
)
from cloche_operator.model.status import EndedError, NeverStartedError
from cloche_operator.pods.sandbox import attach
from cloche_operator.protocol.events import Transcript

if TYPE_CHECKING:
    from cloche_operator.state.context import Context

_AGAIN_SECONDS = 0.5  # between two looks at a Pod whose log is not conclusive yet
_LAST_LOOK_SECONDS = 15.0  # for the log of a Pod whose time is over
_INPUT_SECONDS = 30.0  # from the end of a Pod's input to the end of its container
_ATTACH_SECONDS = 0.5  # from the API server's answer to the kubelet's attach

log = logging.getLogger(__name__)


class SilentError(Exception):
    """The followed log shows no start in time, which proves nothing."""


class LogReader:
    """Reads the supervisor's events from a Pod's log, and retries for as long as it takes.

    A log proves what it contains, but what it lacks proves nothing. Its beginning may have been
    rotated away, what the container wrote while containerd was down is lost with the container,
    and the API server ends a broken stream as if it were complete. Two things prove that the
    program was not started:
    - the supervisor's last event says that its input ended, and the log ends there without a gap;
    - the container's exit code is the supervisor's code for an unusable input.

    `sent`: the input may have been sent to the Pod. The program may then have run, even if no start
    was received.
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
        """The longest transcript that was read."""

    @property
    def started(self) -> bool:
        """Whether the log or the attach has shown that the program was started."""
        return self.transcript.has_started

    def know(self, heard: Transcript) -> None:
        """Add what was received over the attach, because the log may have lost it by now."""
        if heard.has_started:
            self.transcript = heard

    async def read(self, *, start_within: float | None = None) -> Transcript:
        """Return the complete transcript once it has ended.

        `start_within`: seconds after the stream opens within which the program must have started.

        Raises:
            EndedError: the container is dead and left no end.
            NeverStartedError: the program was not started and will not be.
            SilentError: the program did not start in time.
        """
        while True:
            # Read before the log, so that the log of a dead container is complete.
            pod = await self._pod()
            if pod is None:
                raise await self._gone()
            dead = has_terminated(pod)
            heard = await self._read_once(follow=True, start_within=start_within)
            if heard is Heard.SILENT:
                # The start may have been on its way: if the API server answers now, it has it.
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
        """Return the complete transcript, if the supervisor has reported the end by now.

        No outage of the API server may cost a result, however long it is. Once the API server
        answers, a log that still cannot be read is on a lost node and is not waited for.

        Raises:
            EndedError: SupervisorHung, if it has not.
            NeverStartedError: the supervisor has ended because its input did.
        """
        await retry_until_available(lambda: self._ctx.kube.get_pod(self._name))
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
                Reason.SUPERVISOR_HUNG,
                "The Pod returned no result within the timeout and was deleted.",
            )
        return self._ended()

    async def read_after_input(self, seconds: float) -> Transcript:
        """End the Pod's input and read its log to the end, which shows whether it started.

        A supervisor whose input ends before a frame reports that and ends. Anything sent after that
        is too late. If the program runs after all, this does not affect it.

        `seconds`: the time that such a program may take.

        Raises:
            EndedError: the program started and left no end, or this cannot be determined.
            NeverStartedError: it did not start.
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
        """Attach to the container and detach, which closes its input permanently (stdinOnce).

        This is repeated until the container is dead. The API server answers before the kubelet has
        attached, and an attach that is closed before that may end nothing.
        """
        while (pod := await self._pod()) is not None and not has_terminated(pod):
            await self._ctx.lease.held()
            try:
                attachment = await attach(self._ctx.rest, self._ctx.kube, self._name)
            except UnavailableError as error:
                log.info("the input of Pod %s is not closed yet: %s", self._name, error)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_ATTACH_SECONDS):
                        await attachment.read()
                await attachment.close()
            await self._ctx.pods.changed(self._name, _AGAIN_SECONDS)

    async def _pod(self) -> dict[str, Any] | None:
        """Return the Pod as it is now, or None if it is gone, even if another has its name."""
        pod = await retry_until_available(lambda: self._ctx.kube.get_pod(self._name))
        return pod if pod is not None and pod["metadata"]["uid"] == self._uid else None

    def _ended(self) -> Transcript:
        """Return the transcript, which has ended.

        Raises:
            NeverStartedError: it ends with the report that nothing was started.
            EndedError: its end or its start is missing.
        """
        heard = self.transcript
        if heard.cut_off and (heard.has_started or heard.gap):
            raise _untold()
        if heard.cut_off:
            raise NeverStartedError
        return heard

    def _dead(self, pod: dict[str, Any]) -> EndedError:
        """Return why a dead container left no end, from its exit code.

        Raises:
            NeverStartedError: the program was not started.
        """
        # The exit code of a supervisor that writes anything but events is not reliable.
        if self._sent and not self.started and not self._garbage and refused_its_input(pod):
            raise NeverStartedError
        nonsense = self._garbage > 0 and not self.transcript.gap  # there is no supervisor
        return end_unheard(pod, started=self.started or (self._sent and not nonsense))

    async def _read_again(self) -> Heard:
        """Read the log once more. The end of a stream counts if it comes at the same byte again.

        The API server ends a log's stream cleanly if the kubelet breaks it off
        (k8s.io/apiserver, responsewriters.StreamObject drops the error of its copy).
        """
        before = self._bytes
        heard = await self._read_once(follow=False)
        return Heard.BROKEN if heard is Heard.OVER and self._bytes != before else heard

    async def _read_once(self, *, follow: bool, start_within: float | None = None) -> Heard:
        """Read the log from its first byte, and keep the transcript unless more is known."""
        reading = Reading(self._execution)
        try:
            await reading.read(self._ctx.kube, self._name, follow=follow, start_within=start_within)
        finally:
            self._bytes, self._garbage = reading.bytes, reading.garbage
            self._ctx.metrics.garbage.inc(reading.garbage)
            self.transcript = reading.transcript.completed_by(self.transcript)
        return reading.heard

    async def _gone(self) -> EndedError:
        """Return why the Pod is gone, from its last state, which the watch may still deliver."""
        if self._ctx.pods.last(self._uid) is None:
            await self._ctx.pods.changed(self._name, _AGAIN_SECONDS)
        return gone_unheard(self._ctx.pods.last(self._uid))


def _untold() -> EndedError:
    return EndedError(
        Reason.RESULT_LOST,
        "The connection was lost, and the Pod's log is incomplete.",
    )
