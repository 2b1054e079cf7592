"""One attempt to run an execution: get a Pod, claim it, send the input, read the result."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cloche_api.resources.phases import Reason
from cloche_operator.executions.delayed_write import DelayedWrite
from cloche_operator.executions.recovery import recovered
from cloche_operator.executions.status_writes import Claim, claim, show_running
from cloche_operator.model.pod_manifest import cold_pod
from cloche_operator.model.resources import patience
from cloche_operator.model.status import EndedError, NeverStartedError
from cloche_operator.pods.log_reader import LogReader
from cloche_operator.pools.own_pod import OwnPod
from cloche_operator.pools.pod_lease import PooledPod, from_pool
from cloche_operator.protocol import cells
from cloche_operator.protocol.events import Transcript
from cloche_operator.protocol.frame import frame

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.typed_dicts import ExecutionStatusDict
    from cloche_operator.context import Context
    from cloche_operator.model.execution import Execution
    from cloche_operator.model.pod import Pod
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.pools.manager import Pools
    from cloche_operator.pools.pod_lease import PodLease
    from cloche_operator.protocol.frame import Afterwards
    from cloche_operator.sessions.turns import Turn
    from cloche_operator.settings import Settings
    from cloche_operator.state.cache import Runtime
    from cloche_operator.state.source import Source

_SHOWN_SECONDS = (0.1, 0.3)
"""Seconds before the claim of an execution that names its Pod is written, for each running program,
and at most. A program that ends sooner is not delayed by this write, and the end includes it. Where
many programs run, each takes longer, and the write would slow the others."""

log = logging.getLogger(__name__)


def limit(execution: Execution, settings: Settings) -> float:
    """Return the seconds after the input is sent at which the supervisor counts as hung.

    `execution` must be claimed, so that the limits of its Pod are known.
    """
    return execution.spec.total_seconds + patience(execution.resources, settings)


@dataclass(frozen=True)
class Job:
    """An execution to run, with everything that the run needs."""

    execution: Execution
    source: Source
    runtime: Runtime
    used: UsedResources
    queued: datetime
    settled: Callable[[Execution], Awaitable[Execution]]
    """Ends what is being written to the execution, and returns it as it is then."""
    turn: Turn | None = None
    """Its turn in a session, if it runs in one."""
    named: Sandbox | None = None
    """The waiting Pod that the execution names, if it gets the input without another claim."""


class Attempt:
    """The use of one Pod by one execution."""

    def __init__(self, ctx: Context, pools: Pools, job: Job) -> None:
        self._ctx = ctx
        self._pools = pools
        self._job = job
        self.execution = job.execution
        """The execution; with its claim, once it is claimed."""
        self._lease: PodLease | None = job.turn
        self._transcript = Transcript(job.execution.uid)
        self._reader: LogReader | None = None
        self._sent = False
        self.claim: ExecutionStatusDict = {}
        """The claim that is not written before the end, if the execution names its Pod."""
        self._showing: DelayedWrite | None = None

    @property
    def in_session(self) -> bool:
        """Whether the Pod belongs to a session."""
        return self._job.turn is not None

    @property
    def pod(self) -> Pod | None:
        """The Pod, or None before there is one."""
        return None if self._lease is None else self._lease.pod

    @property
    def heard(self) -> Transcript:
        """The most complete transcript so far, from the attach or from the log."""
        logged = self._reader.transcript if self._reader else None
        return logged if logged is not None and logged.has_started else self._transcript

    async def run(self) -> Transcript:
        """Run the program and return the complete transcript of its supervisor.

        Raises:
            EndedError: the program cannot be started, or its end was not received.
            NeverStartedError: the connection was lost before the program started.
            ClaimLostError: another operator has claimed the execution.
        """
        if self._lease is None:
            self._lease = await self._of_pool_or_own()
        held = self._lease
        try:
            sandbox = await held.start(lambda pod: self._claim(pod, warm=held.warm))
            return await self._fed(held, sandbox)
        except (EndedError, NeverStartedError) as error:
            if (lost := held.lost()) is not None:
                raise lost from error
            raise
        finally:
            await self._shown()

    async def end(self) -> None:
        """Release the Pod."""
        if self._lease is not None:
            exited = self._transcript.exit is not None
            await self._lease.release(exited=exited, sent=self._sent)

    async def _of_pool_or_own(self) -> PodLease:
        """Take a Pod of the pool, or prepare one for this execution only."""
        ctx, pools, job = self._ctx, self._pools, self._job
        of = job.execution
        if job.named is not None:  # of a pool
            return PooledPod(ctx, pools, job.named, warm=True)
        named = of.pod_uid if of.offered else None
        if pooled := await from_pool(ctx, pools, job.runtime, job.used, of.tenant, named=named):
            return pooled
        job.source.drop_if_large()
        shape = job.runtime.shape(job.used)
        return OwnPod(
            ctx,
            pools,
            runtime=job.runtime,
            used=job.used,
            tenant=of.tenant,
            build=lambda user: cold_pod(shape, user, of, ctx.settings),
            is_replaced=True,
        )

    async def _claim(self, pod: Pod, *, warm: bool) -> None:
        generation = self._job.runtime.generation
        wanted = Claim(pod, self._job.used, generation, self._job.queued, warm)
        if self._job.named is not None:
            self.claim = wanted.fields()
            of = self.execution
            claimed = of.with_status(self.claim, of.resource_version)
            self.execution = replace(claimed, offered=True)
            self._ctx.uses.end(of.uid)
            return
        self.execution = await self._job.settled(self.execution)
        await self._ctx.lease.held()
        # While a Pod starts, the input would only take memory, so it is not read yet.
        async with self._job.source.read_ahead() if warm else contextlib.nullcontext():
            self.execution = await claim(self._ctx, self.execution, wanted)
        self._ctx.uses.end(self.execution.uid)

    def _show(self) -> DelayedWrite:
        """Write the claim of a program that runs for longer, for those who look at it."""
        each, most = _SHOWN_SECONDS
        of = self.execution
        return DelayedWrite(
            min(each * self._pools.pace.running, most),
            lambda: show_running(self._ctx, of, self.claim),
        )

    async def _shown(self) -> None:
        """End this write, before that of the end."""
        if self._showing is not None:
            self.execution = await self._showing.settled() or self.execution

    async def _fed(self, held: PodLease, sandbox: Sandbox) -> Transcript:
        """Send the input and receive the end, from the attach or else from the log."""
        execution = self.execution
        afterwards = held.afterwards
        input_ = await self._input(afterwards)
        seconds = limit(execution, self._ctx.settings)
        await self._ctx.lease.held()
        self._sent = True
        held.sending(execution, seconds, afterwards)
        if execution.offered:
            self._showing = self._show()
        try:
            async with asyncio.timeout(seconds):
                sent = not sandbox.spent and await sandbox.send(input_, self._transcript)
                del input_  # the input is not needed while the program runs
                self._job.source.drop()
                if sent and await sandbox.hear():
                    self._ctx.metrics.garbage.inc(self._transcript.garbage)
                    if self._transcript.prestarted:
                        self._ctx.metrics.prestarted.labels(self._job.runtime.name).inc()
                    if not self._transcript.cut_off:
                        return self._transcript
                reader = self._log_reader(sandbox)
                if reader.started:
                    return await reader.read()
        except TimeoutError:
            return await self._log_reader(sandbox).last_look()
        # The input may be lost with the connection, and its Pod may wait for it forever.
        return await recovered(self._ctx, execution, reader, seconds)

    def _log_reader(self, sandbox: Sandbox) -> LogReader:
        """Return the reader of the Pod's log, with what was received over the attach."""
        if self._reader is None:
            self._reader = LogReader(self._ctx, sandbox.pod, self.execution.uid, sent=True)
        self._reader.know(self._transcript)
        return self._reader

    async def _input(self, afterwards: Afterwards) -> bytes:
        """Return the frame. Nothing has been sent yet.

        Raises:
            EndedError: SourceLost, or InvalidSpec for a cell with a field that none can have.
        """
        job = self._job
        spec = await job.source.read()
        if job.turn is not None and job.turn.runs_cells and spec.action is None:
            if (field := cells.misfit(spec)) is not None:
                words = f"spec.{field}: must be absent in a session that keeps its interpreter"
                raise EndedError(Reason.INVALID_SPEC, words)
            return cells.cell(self.execution.uid, spec, job.runtime.spec, job.used, afterwards)
        return frame(self.execution.uid, spec, job.runtime.spec, job.used, afterwards)
