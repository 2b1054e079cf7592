"""One attempt to run an execution: get a Pod, claim it, send the input, read the result."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_api import meta
from cloche_api.resources.phases import Reason
from cloche_operator.executions.recovery import recovered
from cloche_operator.model.pod_manifest import claim_patch, cold_pod, execution_owner
from cloche_operator.model.resources import patience
from cloche_operator.model.status import EndedError, NeverStartedError
from cloche_operator.pods.claim import Claim, claim, mark
from cloche_operator.pods.log_reader import LogReader
from cloche_operator.pods.start import create_whatever_happens
from cloche_operator.pools import placement
from cloche_operator.protocol.events import Transcript
from cloche_operator.protocol.frame import Afterwards, frame

if TYPE_CHECKING:
    from datetime import datetime

    from cloche_api.resources.amounts import UsedResources
    from cloche_operator.model.execution import Execution
    from cloche_operator.model.pod import Pod
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.pools.manager import Pools
    from cloche_operator.sessions.session import Session
    from cloche_operator.settings import Settings
    from cloche_operator.state.cache import Runtime
    from cloche_operator.state.context import Context
    from cloche_operator.state.source import Source

_MARK_SECONDS = 0.1
"""Seconds before a claimed Pod of a pool is labelled. A program that ends sooner causes no write,
because its Pod is deleted at once. The write would load the API server, the kubelet and the
scheduler while the program runs."""
_ANSWER_SECONDS = 0.03
"""Seconds from the record to the Pod's deletion, which would delay the gateway's answer."""
_REUSE_SECONDS = 2 * 3600.0  # lifetime of a reused Pod, as a backstop

_TRANSIENT_NODE_REASONS = frozenset(
    {Reason.CONTAINER_START_FAILED, Reason.POD_FAILED, Reason.PROTOCOL_ERROR}
)
"""Once a Pod of the runtime has run, these are transient failures of a node or its containerd."""

log = logging.getLogger(__name__)


def limit(execution: Execution, settings: Settings) -> float:
    """Return the seconds after the input is sent at which the supervisor counts as hung.

    `execution` must be claimed, so that the limits of its Pod are known.
    """
    return execution.spec.timeout_seconds + patience(execution.resources, settings)


@dataclass(frozen=True)
class Job:
    """An execution to run, with everything that the run needs."""

    execution: Execution
    source: Source
    runtime: Runtime
    used: UsedResources
    queued: datetime
    session: Session | None = None
    """The session whose turn this is."""


class Attempt:
    """The use of one Pod by one execution."""

    def __init__(self, ctx: Context, pools: Pools, job: Job) -> None:
        self._ctx = ctx
        self._pools = pools
        self._job = job
        self.execution = job.execution
        """The execution; with its claim, once it is claimed."""
        self.pod: Pod | None = None
        """The Pod, or None before there is one."""
        self._sandbox: Sandbox | None = None
        self._transcript = Transcript(job.execution.uid)
        self._reader: LogReader | None = None
        self._marking: asyncio.Task[None] | None = None
        self._turn = job.session
        self._sent = False

    @property
    def in_session(self) -> bool:
        """Whether the Pod belongs to a session."""
        return self._job.session is not None

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
        if self._job.session is not None:
            return await self._in_session(self._job.session)
        job = self._job
        sandbox, warm = await self._pools.take(job.runtime, job.used, job.execution.tenant)
        if sandbox is None:
            sandbox = await self._cold()
        else:
            self._sandbox, self.pod = sandbox, sandbox.pod
            await self._claim(sandbox.pod, warm=warm)
        returns = self._pools.returns_after(sandbox)
        return await self._fed(sandbox, Afterwards.RESET if returns else Afterwards.EXIT)

    async def end(self) -> None:
        """Release the Pod: return it to its session or its pool, or delete it."""
        if self._marking is not None:
            await self._marked_or_not(self._marking)
        if self._turn is not None:
            turn, self._turn = self._turn, None
            await turn.give_back(whole=self._transcript.exit is not None or not self._sent)
        elif self._job.session is not None:
            return
        elif self._sandbox is None:
            if self.pod is not None:
                await self._ctx.kube.ensure_pod_deleted(self.pod.name, self.pod.uid)
        elif self._transcript.exit is not None and self._pools.returns_after(self._sandbox):
            await self._pools.give_back(self._sandbox)
        else:
            await asyncio.sleep(_ANSWER_SECONDS)
            await self._pools.pause(self._sandbox)
            await self._pools.removed(self._sandbox)

    async def _in_session(self, session: Session) -> Transcript:
        """Run the program in the session's Pod. The execution must have the turn."""
        sandbox = session.sandbox
        self.pod = sandbox.pod
        try:
            await self._claim(sandbox.pod, warm=True)
            return await self._fed(sandbox, Afterwards.KEEP_FILES)
        except (EndedError, NeverStartedError) as error:
            if sandbox.spent:
                raise session.ended_error() from error
            raise

    async def _cold(self) -> Sandbox:
        """Create a Pod for this execution only, and claim it while it starts."""
        shape, settings = self._job.runtime.shape(self._job.used), self._ctx.settings
        self._job.source.drop_if_large()
        await placement.for_program(self._ctx, self._job.runtime)
        async with self._pools.starts.one(self.execution.tenant):
            pod = await create_whatever_happens(
                self._ctx, lambda user: cold_pod(shape, user, self.execution, settings), self._made
            )
            return await self._claimed_and_opened(pod)

    async def _claimed_and_opened(self, pod: Pod) -> Sandbox:
        claiming = asyncio.ensure_future(self._claim(pod, warm=False))
        opening = asyncio.ensure_future(self._open(pod))
        try:
            sandbox, _ = await asyncio.gather(opening, claiming)
            return sandbox
        finally:
            claiming.cancel()
            opening.cancel()
            await asyncio.gather(claiming, opening, return_exceptions=True)

    async def _open(self, pod: Pod) -> Sandbox:
        """Attach and greet, and report to the pools whether Pods of this runtime can run."""
        shape = self._job.runtime.shape(self._job.used)
        try:
            self._sandbox = await self._pools.opened(pod, shape)
        except EndedError as problem:
            if problem.reason in _TRANSIENT_NODE_REASONS and self._pools.proved(self._job.runtime):
                raise NeverStartedError from problem  # nothing was sent
            self._pools.tried(self._job.runtime, shape, problem)
            raise
        self._pools.tried(self._job.runtime, shape, None)
        return self._sandbox

    async def _claim(self, pod: Pod, *, warm: bool) -> None:
        await self._ctx.lease.held()
        generation = self._job.runtime.generation
        wanted = Claim(pod, self._job.used, generation, self._job.queued, warm)
        # While a Pod starts, the input would only take memory, so it is not read yet.
        async with self._job.source.read_ahead() if warm else contextlib.nullcontext():
            self.execution = await claim(self._ctx, self.execution, wanted)

    async def _fed(self, sandbox: Sandbox, afterwards: Afterwards) -> Transcript:
        """Send the input and receive the end, from the attach or else from the log."""
        execution = self.execution
        input_ = await self._input(afterwards)
        seconds = limit(execution, self._ctx.settings)
        await self._ctx.lease.held()
        self._sent = True
        if sandbox.unmarked:
            returns = afterwards is Afterwards.RESET
            self._marking = asyncio.create_task(self._mark(sandbox, seconds, returns=returns))
        try:
            async with asyncio.timeout(seconds):
                sent = not sandbox.spent and await sandbox.send(input_, self._transcript)
                del input_  # the input is not needed while the program runs
                self._job.source.drop()
                if sent and await sandbox.hear():
                    self._ctx.metrics.garbage.inc(self._transcript.garbage)
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
        """Return the frame. Nothing has been sent yet."""
        job = self._job
        spec = await job.source.read()
        return frame(self.execution.uid, spec, job.runtime.spec, job.used, afterwards)

    async def _mark(self, sandbox: Sandbox, seconds: float, *, returns: bool) -> None:
        """Label a Pod of the pool with its new user. A Pod that returns stays the runtime's."""
        await asyncio.sleep(_MARK_SECONDS)
        execution = self.execution
        if returns:
            labels, owner, life = {meta.LABEL_TENANT: execution.tenant}, None, _REUSE_SECONDS
        else:
            labels = {meta.LABEL_EXECUTION: execution.uid}
            owner, life = execution_owner(execution), seconds
        sandbox.unmarked = False
        patch = claim_patch(sandbox.pod, self._ctx.now(), life, labels, owner)
        await mark(self._ctx, sandbox, labels, patch)

    async def _marked_or_not(self, marking: asyncio.Task[None]) -> None:
        """Wait for the label, or cancel it if it has not begun and the Pod is deleted now."""
        assert self._sandbox is not None
        if self._sandbox.unmarked and not self._pools.returns_after(self._sandbox):
            marking.cancel()
        await asyncio.wait({marking})

    def _made(self, pod: Pod) -> None:
        self.pod = pod
