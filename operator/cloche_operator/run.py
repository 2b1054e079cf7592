"""The life of one execution: queue, Pod, program, result, record.

At every await the operator may be killed. What holds then:
- before the claim is acknowledged nothing was sent: the next operator starts again;
- after it the Pod named in the status is the only one that can ever get the input, and its log
  says whether the program started: the next operator reads it (`recovery`);
- once the final status is written it never changes: the next operator only removes the Pod.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cloche_api import quantity
from cloche_api.phases import Reason
from cloche_api.rest import ApiError, InvalidError, TooLargeError
from cloche_operator import outcome, start, status
from cloche_operator.execution import now, timestamp
from cloche_operator.frame import frame
from cloche_operator.outcome import EndedError, Outcome
from cloche_operator.persist import persist
from cloche_operator.pods import PodPlan, pod_name
from cloche_operator.recovery import claimed_pod, recovered
from cloche_operator.resources import used_resources
from cloche_operator.result import LogReader, NeverStartedError, heard_whole, judged
from cloche_operator.transcript import Transcript

if TYPE_CHECKING:
    from cloche_operator.attach import Attachment
    from cloche_operator.capacity import Capacity
    from cloche_operator.context import Context
    from cloche_operator.execution import Execution

# What the syntax check may add to the timeout, and what killing and reaping takes.
_AFTER_TIMEOUT_SECONDS = 3.0
# How often a Pod is made for an execution that lost its connection before it started.
_STARTS = 3
# An execution whose creation is older was in the queue before this operator started.
_FRESH = timedelta(seconds=2)

log = logging.getLogger(__name__)


class Run:
    """One execution, from its first sight to its record."""

    def __init__(
        self, ctx: Context, capacity: Capacity, starting: start.Starting, execution: Execution
    ) -> None:
        self._ctx = ctx
        self._capacity = capacity
        self._starting = starting
        self.execution = execution
        age = now() - execution.created
        self._queued = execution.queued_time or (execution.created if age > _FRESH else now())
        self._transcript: Transcript | None = None
        self._reader: LogReader | None = None
        self._pod: dict[str, Any] | None = None
        self._user: int | None = None
        self._memory: int | None = None
        self._halted: asyncio.Future[EndedError] = asyncio.get_running_loop().create_future()

    def halt(self, reason: Reason, message: str) -> None:
        """End it now, with this reason. Once it has an outcome, too late."""
        if not self._halted.done():
            self._halted.set_result(EndedError(reason, message))

    async def carry_out(self) -> None:
        """Do everything; returns when the execution has ended and its Pod is deleted.

        Cancelling this coroutine leaves Pod and execution to the next operator.
        """
        try:
            ended = await self._until_halted()
            await self._record(ended)
            await self._remove_pod()
        finally:
            if self._user is not None:
                self._ctx.pods.give_user_back(self._user)
            if self._memory is not None:
                self._capacity.give_back(self._memory)

    async def _until_halted(self) -> Outcome:
        work = asyncio.ensure_future(self._outcome())
        try:
            futures: set[asyncio.Future[Any]] = {work, self._halted}
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work})
        if not work.cancelled():
            return work.result()
        return outcome.without_exit(self._heard(), self._halted.result())

    async def _outcome(self) -> Outcome:
        try:
            if self.execution.spec.cancel:
                raise EndedError(Reason.CANCELLED, "The execution was cancelled.")  # noqa: TRY301
            transcript = await self._whole_transcript()
            judged(transcript)
            return outcome.from_exit(transcript)
        except EndedError as ended:
            return outcome.without_exit(self._heard(), ended)
        except Exception:
            log.exception("execution %s", self.execution.name)
            failed = EndedError(Reason.INTERNAL_ERROR, "The operator failed; its log has more.")
            return outcome.without_exit(self._heard(), failed)

    async def _whole_transcript(self) -> Transcript:
        if self.execution.claimed:
            try:
                return await self._recover()
            except NeverStartedError:
                await self._clear()
        runtime = await persist(lambda: self._ctx.runtimes.find(self.execution.spec.language))
        used = used_resources(self.execution.spec.resources, runtime.spec.resources)
        if self._memory is None:
            size = quantity.whole(used.memory)
            await self._capacity.take(self.execution.tenant, size)
            self._memory = size
        self._user = self._ctx.pods.take_user()
        for _ in range(_STARTS):
            plan = PodPlan(self.execution, runtime.name, runtime.spec, used, self._user)
            try:
                return await self._cold(plan, runtime.generation)
            except NeverStartedError:
                await self._clear()
        raise EndedError(
            Reason.POD_FAILED,
            f"The connection to its Pod was lost {_STARTS} times before the program started.",
        )

    async def _recover(self) -> Transcript:
        """Read the result of what another operator started, whatever became of its runtime."""
        self._ctx.metrics.recovered.inc()
        self._memory = quantity.whole(self.execution.memory or 0)
        self._capacity.occupy(self._memory)
        self._pod = await claimed_pod(self._ctx, self.execution)
        self._reader = LogReader(self._ctx, self._pod, self.execution.uid)
        return await recovered(self._ctx, self.execution, self._reader, self._limit())

    def _heard(self) -> Transcript | None:
        """The most that was heard of the program, from the attach or the log."""
        logged = self._reader.transcript if self._reader else None
        if logged is not None and (logged.started or self._transcript is None):
            return logged
        return self._transcript

    async def _clear(self) -> None:
        """Make room for a new Pod: the program has not been started in this one."""
        log.info("execution %s never started: from the beginning", self.execution.name)
        await start.remove_pod(self._ctx, self.execution)

    async def _cold(self, plan: PodPlan, generation: int) -> Transcript:
        """Start a Pod for the execution, hand over the input, hear the end.

        Raises:
            EndedError: it cannot be started, or its end was not heard.
            NeverStartedError: the connection was lost before it started.
        """
        pod = await self._created(plan)
        claiming = asyncio.ensure_future(
            start.claim(self._ctx, plan, generation, pod, self._queued)
        )
        attaching = asyncio.ensure_future(self._starting.attached(self._ctx, pod))
        self._transcript = Transcript(self.execution.uid)
        try:
            attachment, self.execution = await asyncio.gather(attaching, claiming)
            await start.greet(attachment, self._transcript)
            return await self._fed(plan, pod, attachment)
        finally:
            await _given_up(claiming, attaching)

    async def _created(self, plan: PodPlan) -> dict[str, Any]:
        """Create the Pod.

        One that is on its way when the run is halted is waited for, or nobody would remove it.
        """
        creating = asyncio.ensure_future(start.create_pod(self._ctx, plan))
        try:
            self._pod = await asyncio.shield(creating)
        except asyncio.CancelledError:
            with contextlib.suppress(EndedError):
                self._pod = await creating
            raise
        return self._pod

    async def _fed(self, plan: PodPlan, pod: dict[str, Any], attachment: Attachment) -> Transcript:
        """Hand over the input and hear the end, from the attach or else from the log."""
        assert self._transcript is not None
        self._reader = LogReader(self._ctx, pod, self.execution.uid)
        try:
            async with asyncio.timeout(self._limit()):
                if self._transcript.protocol is not None:
                    input_ = frame(self.execution.uid, plan.execution.spec, plan.runtime, plan.used)
                    whole = await heard_whole(attachment, input_, self._transcript)
                    self._ctx.metrics.garbage.inc(self._transcript.garbage)
                    if whole:
                        return self._transcript
                return await self._reader.read()
        except TimeoutError:
            return await self._reader.last_look()

    def _limit(self) -> float:
        """Seconds from the handing over of the input to when the supervisor counts as hung."""
        timeout = float(self.execution.spec.timeout_seconds)
        return timeout + _AFTER_TIMEOUT_SECONDS + self._ctx.settings.grace_seconds

    async def _record(self, ended: Outcome) -> None:
        """Write the final status, unless there is nobody to read it any more."""
        execution = self.execution
        final = status.terminal(execution, ended, self._node())
        if not execution.claimed:
            final.setdefault("queuedTime", timestamp(self._queued))

        try:
            if not await self._written(final):
                # Its spec alone fills the object: it can never be told that it has ended.
                log.warning("%s leaves no room for a status and is deleted", execution.name)
                await persist(
                    lambda: self._ctx.kube.delete_execution(execution.name, execution.uid)
                )
        except ApiError as error:
            log.info("result of %s is not recorded: %s", execution.name, error)
            return
        log.info("execution %s ended: %s %s", execution.name, ended.phase, ended.reason)
        self._ctx.metrics.ended.labels(execution.spec.language, ended.phase, ended.reason).inc()

    async def _written(self, final: dict[str, Any]) -> bool:
        """Write the final status, with less in it where it is refused; whether it had room.

        Raises:
            ApiError: the execution is gone, or somebody else has ended it.
        """
        execution, kube = self.execution, self._ctx.kube
        for fields in (final, status.without_outputs(final)):
            try:
                await persist(
                    lambda fields=fields: kube.patch_execution_status(  # type: ignore[misc]  # bound now
                        execution.name, execution.uid, fields
                    )
                )
            except TooLargeError:
                log.warning("the result of %s is too large", execution.name)
            except InvalidError as error:
                log.warning("the result of %s is refused: %s", execution.name, error)
                if fields is not final:
                    raise
            else:
                return True
        return False

    async def _remove_pod(self) -> None:
        """Delete the execution's Pod, and one that an operator left that was killed."""
        if pod := self._pod or self._ctx.pods.named(pod_name(self.execution.uid)):
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            await persist(lambda: self._ctx.kube.delete_pod(name, uid))

    def _node(self) -> str | None:
        if self._pod is None:
            return None
        of = self._pod["metadata"]
        latest = self._ctx.pods.get(of["name"], of["uid"]) or self._pod
        node: str | None = latest["spec"].get("nodeName")
        return node


async def _given_up(
    claiming: asyncio.Future[Execution], attaching: asyncio.Future[Attachment]
) -> None:
    """End what is still under way of a start, and the attach."""
    claiming.cancel()
    attaching.cancel()
    await asyncio.gather(claiming, attaching, return_exceptions=True)
    if not attaching.cancelled() and attaching.exception() is None:
        await attaching.result().close()
