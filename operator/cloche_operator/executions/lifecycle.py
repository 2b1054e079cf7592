"""The life of one execution: queue, Pod, program, result, record.

The operator may be killed at every await. What holds then:
- Before the claim is acknowledged, nothing was sent. The next operator starts again.
- An execution that names a waiting Pod is claimed since its creation. Only the operator that led
  already when it was created, and sees it for the first time, knows that nothing was sent. So only
  that one may send the input at once, or refuse the Pod. Each other one reads the Pod's log first.
- After the claim, the Pod named in the status is the only one that can ever get the input, and its
  log shows whether the program started. The next operator reads it (`recovery`).
- Once the final status is written, it never changes. The next operator only removes the Pod.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from cloche_api import logs
from cloche_api.resources.phases import Reason
from cloche_kube.retry import retry_until_available
from cloche_kube.tasks import first_of
from cloche_operator.executions.attempt import Attempt, Job, limit
from cloche_operator.executions.named_pod import NamedPod, delete_after_use, presumed_claim
from cloche_operator.executions.recovery import claimed_pod, recovered
from cloche_operator.executions.status_writes import ClaimLostError, record
from cloche_operator.model import file_action, status
from cloche_operator.model.execution import now, own_pod_name, timestamp
from cloche_operator.model.resources import Demand, demand_of, used_resources
from cloche_operator.model.status import EndedError, NeverStartedError, judged
from cloche_operator.pods.log_reader import LogReader
from cloche_operator.pods.start import remove_pod
from cloche_operator.protocol.events import Transcript
from cloche_operator.queue.limits import Share
from cloche_operator.retention.removal import ensure_not_run_before

if TYPE_CHECKING:
    from cloche_api.accounting.write_limit import Excess
    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.typed_dicts import ExecutionStatusDict
    from cloche_operator.context import Context
    from cloche_operator.model.execution import Execution
    from cloche_operator.model.pod import Pod
    from cloche_operator.pools.manager import Pools
    from cloche_operator.sessions.registry import Sessions
    from cloche_operator.state.cache import Runtime
    from cloche_operator.state.source import Source

# Pods that are created at most for an execution that loses its connection before it starts.
_STARTS = 3
# An older execution was in the queue before this operator started.
_FRESH = timedelta(seconds=2)
# Bytes of memory per byte of a result, at most. The text takes four bytes per character if one is
# beyond U+FFFF, and the request that writes it takes the rest.
_RESULT_TIMES = 8

log = logging.getLogger(__name__)


class Run:
    """One execution, from its first event to its record."""

    def __init__(  # noqa: PLR0913  the parts of one run
        self,
        ctx: Context,
        pools: Pools,
        sessions: Sessions,
        execution: Execution,
        source: Source,
        *,
        new: bool = False,
    ) -> None:
        self._ctx = ctx
        self._pools = pools
        self._sessions = sessions
        self.execution = execution
        self._source = source
        self._new = new
        self._named = NamedPod(ctx, pools, new=new)
        self._refused = ctx.records.full
        self._excess: Excess | None = None
        self.recording = False
        """Whether its end is being recorded. The write finds out whether it still exists."""
        self.over = False
        """Whether it is over: no operator works on it any more."""
        age = ctx.now() - execution.created
        self._queued = execution.queued_time or (execution.created if age > _FRESH else now())
        self._share: Share | None = None
        self._attempt: Attempt | None = None
        self._reader: LogReader | None = None
        self._resources: UsedResources | None = None
        self._pod: Pod | None = None
        self._halted: asyncio.Future[EndedError] = asyncio.get_running_loop().create_future()

    def charge(self, spec: int, *, listed: bool) -> None:
        """Charge the bytes that the execution will write. `spec`: bytes of its spec.

        The previous operator has already charged one that a listing shows, so it is not refused.
        """
        of = self.execution
        self._excess = self._ctx.writes.take(
            of.tenant, of.uid, spec, source=of.source_size, force=listed
        )

    def halt(self, reason: Reason, message: str) -> None:
        """End the execution now with this reason, unless it has an outcome already."""
        if not self._halted.done():
            self._halted.set_result(EndedError(reason, message))

    async def run(self) -> None:
        """Run the execution. Return when it has ended and its Pod is released.

        Cancelling this coroutine leaves the Pod and the execution to the next operator.
        """
        logs.execution_id.set(self.execution.name)
        logs.request_id.set(self.execution.request_id)
        try:
            ended = await self._until_halted()
            self._source.drop()
            self.over = await self._record(ended)
            self._ctx.uses.end(self.execution.uid)
            await self._remove_pod()
        finally:
            self._source.drop()
            self._named.close()
            if self._share is not None:
                self._ctx.capacity.give_back(self._share)
        if self.over:  # last, so that no queued execution waits for this
            await self._source.remove()

    async def _until_halted(self) -> Transcript | EndedError:
        """Return the supervisor's complete transcript, or why there is none."""
        first = await first_of(self._end(), self._halted)
        ended: Transcript | EndedError = first.result()
        return ended

    async def _end(self) -> Transcript | EndedError:
        try:
            if self.execution.spec.cancel:
                raise EndedError(Reason.CANCELLED, "The execution was cancelled.")  # noqa: TRY301
            transcript = await self._whole_transcript()
            judged(transcript)
        except EndedError as ended:
            return ended
        except Exception as error:
            log.exception("execution %s", self.execution.name)
            words = f"The operator failed with {type(error).__name__}; see its log."
            return EndedError(Reason.INTERNAL_ERROR, words)
        return transcript

    async def _whole_transcript(self) -> Transcript:
        of = self.execution
        recover = of.claimed and not (self._new and of.offered)
        problem: BaseException | None = None
        for _ in range(_STARTS):
            try:
                return await (self._recovered() if recover else self._anew())
            except NeverStartedError as never:
                log.info("execution %s did not start and is started again", self.execution.name)
                problem, recover = never.__cause__, False
            except ClaimLostError as lost:
                log.warning("another operator has claimed %s", self.execution.name)
                if lost.execution.ended:
                    raise EndedError(
                        Reason.POD_DELETED, "Another operator recorded its end."
                    ) from lost
                self.execution, recover = lost.execution, True
            await self._clear()
        if isinstance(problem, EndedError):
            raise problem
        raise EndedError(
            Reason.POD_FAILED,
            f"The connection to the Pod was lost {_STARTS} times before the program started.",
        )

    async def _anew(self) -> Transcript:
        """Run it from the beginning, in a Pod that has not received its input."""
        ctx, spec = self._ctx, self.execution.spec
        if self._refused:
            raise EndedError(Reason.QUEUE_FULL, "Execution storage is full.")
        if self._excess is not None:
            raise EndedError(Reason.WRITE_LIMIT, str(self._excess))
        await ensure_not_run_before(ctx.kube, self.execution)
        runtime = await retry_until_available(lambda: ctx.runtimes.find(spec.language, spec.entry))
        turn = None
        if self.execution.in_session:
            session = await self._sessions.of(self.execution)
            turn = await session.take_turn(runtime, self.execution, self._waits)
            used = turn.used
        else:
            used = used_resources(spec.resources, runtime.spec.resources)
            await self._admitted(runtime, used)
        named = self._named.take(self.execution, runtime, used, turn)
        job = Job(
            self.execution,
            self._source,
            runtime,
            used,
            self._queued,
            self._named.settled,
            turn,
            named,
        )
        self._attempt = Attempt(ctx, self._pools, job)
        try:
            with self._pools.working(runtime, self.execution.tenant):
                return await self._attempt.run()
        finally:
            self.execution = self._attempt.execution

    def _waits(self) -> None:
        """Drop the input of an execution that has to wait, and refuse the Pod that it names."""
        self._source.drop()
        self._named.refuse(self.execution)

    async def _admitted(self, runtime: Runtime, used: UsedResources) -> None:
        """Wait until there is room for the execution. In a session it uses the session's room.

        While the execution waits, its input is only in etcd.
        """
        if self._share is None:
            demand = demand_of(used, self._ctx.pods.overhead_of(runtime.name))
            share = self._share_of(demand, runtime.place)
            await self._ctx.capacity.take(share, self._waits)
            self._share = share

    def _share_of(self, demand: Demand, place: str = "") -> Share:
        of = self.execution
        return Share(of.tenant, demand, of.spec.concurrency, place, size=of.stored_size)

    async def _recovered(self) -> Transcript:
        """Read the result of what another operator started, even if its runtime is gone."""
        ctx, execution = self._ctx, self.execution
        ctx.metrics.recovered.inc()
        used = execution.resources
        if used is None and (runtime := ctx.runtimes.named(execution.spec.language)):
            used = runtime.spec.resources.defaults  # of a Pod that waited
        self._resources = used
        if self._share is None:
            self._share = self._share_of(Demand() if used is None else demand_of(used))
            ctx.capacity.occupy(self._share)
        self._source.drop()
        self._pod = await claimed_pod(ctx, execution)
        self._reader = LogReader(ctx, self._pod, execution.uid, sent=True)
        return await recovered(ctx, execution, self._reader, limit(execution, ctx.settings))

    def _heard(self) -> Transcript | None:
        """Return the most complete transcript of the program so far."""
        if self._attempt is not None:
            return self._attempt.heard
        return self._reader.transcript if self._reader is not None else None

    async def _clear(self) -> None:
        """Make room for a new Pod, because the program was not started in this one."""
        attempt, self._attempt = self._attempt, None
        pod, self._pod, self._reader = self._pod, None, None
        self._ctx.uses.end(self.execution.uid)
        if attempt is not None:
            await attempt.end()
            pod = attempt.pod
        if pod is None or (attempt is not None and attempt.in_session):
            return
        if pod.name == own_pod_name(self.execution.uid):
            await remove_pod(self._ctx, pod.name)
        else:
            self._pools.background.start(delete_after_use(self._ctx, pod))

    async def _record(self, ended: Transcript | EndedError) -> bool:
        """Write the final status, once there is memory for the result as a text.

        Returns whether the execution is over (see `status_writes.record`).
        """
        self.execution = await self._named.settled(self.execution)
        self.recording = True
        heard = ended if isinstance(ended, Transcript) else self._heard()
        hold = await self._ctx.budget.take(_RESULT_TIMES * (heard.size if heard else 0))
        try:
            action = self.execution.spec.action
            if isinstance(ended, Transcript) and action is not None:
                made = file_action.outcome(action, ended)
            elif isinstance(ended, Transcript):
                made = status.from_exit(ended)
            else:
                made = status.without_exit(heard, ended)
            final = status.terminal(self.execution, made, self._node(), self._ctx.now())
            if self.execution.offered:
                final = {**self._unwritten_claim(), **final}
            if not self.execution.claimed or self.execution.offered:
                final.setdefault("queuedTime", timestamp(self._queued))
            return await record(self._ctx, self.execution, final)
        finally:
            hold.release()

    def _unwritten_claim(self) -> ExecutionStatusDict:
        if self._attempt is None and self._pod is not None:
            return presumed_claim(self._pod, self._resources)
        return {} if self._attempt is None else self._attempt.claim

    async def _remove_pod(self) -> None:
        """Remove the execution's Pod, and one that a killed operator left."""
        released: Pod | None = None
        if self._attempt is not None:
            released = self._attempt.pod
            await self._attempt.end()
        pod = self._pod or self._ctx.pods.named(own_pod_name(self.execution.uid))
        if pod is None or pod.being_deleted or (released and released.uid == pod.uid):
            return
        await delete_after_use(self._ctx, pod)

    def _node(self) -> str | None:
        pod = self._attempt.pod if self._attempt is not None else self._pod
        return None if pod is None else self._ctx.pods.node_of(pod)
