"""The life of one SandboxSession: a Pod, and the executions that run in it one after the other.

A session ends with its connection, because the Pod's input is then closed permanently. So replacing
an operator ends its sessions. The result of an execution that runs in one is still read from the
Pod's log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from cloche_api.resources.execution import Action
from cloche_api.resources.phases import Reason
from cloche_api.resources.session import SessionPhase, Stateful
from cloche_kube.errors import ApiError
from cloche_kube.retry import retry_until_available
from cloche_kube.tasks import first_of
from cloche_operator.model import session
from cloche_operator.model.resources import demand_of, used_resources
from cloche_operator.model.session import SessionEnd
from cloche_operator.model.status import EndedError, resources_of
from cloche_operator.pools.pod_lease import from_pool
from cloche_operator.queue.limits import Share
from cloche_operator.sessions.interpreter import require_cells, start_interpreter
from cloche_operator.sessions.pod import CONNECTION_LOST, assign, own_pod, started
from cloche_operator.sessions.turns import Turn, Turns
from cloche_operator.state.events import WARNED

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cloche_api.resources.amounts import UsedResources
    from cloche_operator.context import Context
    from cloche_operator.model.execution import Execution
    from cloche_operator.model.session import SessionObject
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.pools.manager import Pools
    from cloche_operator.pools.own_pod import OwnPod
    from cloche_operator.pools.pod_lease import PooledPod
    from cloche_operator.state.cache import Runtime

_REPORT_SECONDS = 5.0
"""Seconds between two writes of the time of its last use."""
_WAITING_BYTES = 4096
"""Bytes of etcd that count for a session that waits for capacity. Its object is small."""

log = logging.getLogger(__name__)


class Session:
    """One session, from its first event to its end."""

    def __init__(self, ctx: Context, pools: Pools, obj: SessionObject) -> None:
        self._ctx = ctx
        self._pools = pools
        self._turns = Turns(ctx.capacity.waitlist, ctx.settings.queue_length_per_session)
        self._news = asyncio.Event()
        self._ending: asyncio.Future[SessionEnd] = asyncio.get_running_loop().create_future()
        self._lease: OwnPod | PooledPod | None = None
        self._sandbox: Sandbox | None = None
        """Its Pod, once that can run programs."""
        self._share: Share | None = None
        self._ready_at = self._last_used = ctx.now()
        self._ready = False
        self._reported_generation = 0
        self.obj = obj
        self.runtime: Runtime | None = None
        """The runtime of its executions, once it is ready."""
        self.used: UsedResources | None = None
        """The limits of its Pod, once it is ready."""

    def end(self, reason: str, message: str) -> None:
        """End the session now, unless it is ending already."""
        if self._end is None:
            self._ending.set_result(SessionEnd(reason, message))
            self._news.set()

    def changed(self, obj: SessionObject) -> None:
        """Take over the times of the spec, which are all that can change in it."""
        if obj.generation > self.obj.generation:
            self.obj = obj
            self._news.set()

    @property
    def _end(self) -> SessionEnd | None:
        """Why it ends, or None."""
        return self._ending.result() if self._ending.done() else None

    async def take_turn(
        self, runtime: Runtime, execution: Execution, on_wait: Callable[[], None]
    ) -> Turn:
        """Wait for the turn of an execution. Its `release` must follow.

        A waiting execution counts in the queue, like those that wait for capacity. `on_wait` is
        called before the first wait, if there is one.

        Raises:
            EndedError: SessionEnded; InvalidSpec if the session has another runtime; QueueFull or
                QueueTimeout.
        """
        if self._has_ended:
            raise self.ended_error()
        await self._turns.take(execution, on_wait, self._what_it_waits_for)
        sandbox, used = self._sandbox, self.used
        if self._has_ended or self.runtime is None or sandbox is None or used is None:
            self._turns.pass_on()
            raise self.ended_error()
        action, rule = execution.spec.action, ""
        if self.runtime.name != runtime.name:
            rule = f"spec.language: the session {self.obj.name} runs {self.runtime.name}"
        elif action is not None and action not in sandbox.actions:
            rule = f"spec.action: {self.runtime.name} has an image that is too old for {action}"
        elif action is Action.RESTART and not self._runs_cells:
            rule = f"spec.action: the session {self.obj.name} does not keep its interpreter"
        if rule:
            self._turns.pass_on()
            raise EndedError(Reason.INVALID_SPEC, rule)
        return Turn(self, sandbox, used, runs_cells=self._runs_cells)

    async def give_back(self, *, whole: bool) -> None:
        """End the turn. `whole`: the program's end was received, or the program was never sent."""
        try:
            if self._sandbox is not None and not (whole and await self._is_ready(self._sandbox)):
                self.end("PodLost", "The session's Pod was lost while a program ran in it.")
        finally:
            self._last_used = self._ctx.now()
            self._turns.pass_on()
            self._news.set()

    @property
    def _runs_cells(self) -> bool:
        return self.obj.spec.stateful is Stateful.INTERPRETER

    @property
    def _has_ended(self) -> bool:
        gone = self._ready and (self._sandbox is None or self._sandbox.spent)
        return gone or self._end is not None

    def _what_it_waits_for(self) -> str:
        name = self.obj.name
        return (
            f"The execution's turn in the session {name} did not come"
            if self._ready
            else f"The session {name} was not ready"
        )

    def ended_error(self) -> EndedError:
        """Return the error for an execution whose session has ended."""
        why = f": {self._end}" if self._end is not None else "."
        return EndedError(Reason.SESSION_ENDED, f"The session {self.obj.name} has ended{why}")

    async def run(self) -> None:
        """Run the session. Return when it has ended and its Pod is deleted.

        Cancelling this coroutine leaves the Pod to the next operator.
        """
        try:
            try:
                await self._start()
                self._ready = True
                self._turns.pass_on()
                await self._live()
            except EndedError as problem:
                self.end(problem.reason, problem.message)
                if problem.reason in WARNED:
                    self._ctx.events.session_failed(self.obj, problem.reason, problem.message)
            except SessionEnd as end:
                self.end(end.reason, str(end))
            self._ready = True
            self._turns.dismiss(self.ended_error())
            await self._finish()
        finally:
            if self._share is not None:
                self._ctx.capacity.give_back(self._share)

    async def _start(self) -> None:
        """Get a Pod, from the pool or a new one, and record that the session is ready."""
        ctx, spec = self._ctx, self.obj.spec
        self.runtime = await retry_until_available(lambda: ctx.runtimes.find(spec.language))
        if self._runs_cells:
            require_cells(self.runtime)
        self.used = used_resources(spec.resources, self.runtime.spec.resources)
        share = Share(
            self.obj.tenant,
            demand_of(self.used, ctx.pods.overhead_of(self.runtime.name)),
            spec.concurrency,
            self.runtime.place,
            is_session=True,
            size=_WAITING_BYTES,
        )
        await self._unless_ended(ctx.capacity.take(share))
        self._share = share
        # Without a tenant, because the Pod is never reused: it stays this session's.
        pooled = await from_pool(ctx, self._pools, self.runtime, self.used, "")
        if pooled is not None:
            self._lease, sandbox = pooled, pooled.sandbox
        else:
            own = own_pod(ctx, self._pools, self.obj, self.runtime, self.used)
            self._lease = own  # before the start, because the Pod is deleted even if that fails
            sandbox = await self._unless_ended(started(own))
        self._sandbox = sandbox
        sandbox.call_when_spent(lambda _: self.end("PodLost", "The session's Pod was lost."))
        await assign(self._lease, self.obj)
        if sandbox.spent:
            raise EndedError(Reason.POD_FAILED, CONNECTION_LOST)
        if self._runs_cells:
            await start_interpreter(sandbox, self.runtime, self.used)
        self._ready_at = self._last_used = ctx.now()
        await self._report(SessionPhase.READY, "PodReady", "")

    async def _live(self) -> None:
        """Wait for the end of the session.

        Raises:
            SessionEnd: it has ended.
        """
        reported = self._last_used
        while True:
            self._news.clear()
            if self._end is not None:
                raise self._end
            time, end = self._ctx.now(), self._expires_at()
            if time >= end:
                raise SessionEnd(*self.obj.timeout_at(self._ready_at, time))
            used = self._last_used > reported
            changed = self.obj.generation != self._reported_generation
            if changed or (used and (time - reported).total_seconds() >= _REPORT_SECONDS):
                reported = self._last_used
                await self._report(SessionPhase.READY, "PodReady", "")
                continue
            wait = (end - time).total_seconds()
            if used:
                wait = min(wait, _REPORT_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()

    def _expires_at(self) -> datetime:
        """Return when it ends if it is not used. While a program runs it is not idle."""
        last_used = self._ctx.now() if self._turns.taken else self._last_used
        return self.obj.expires_at(self._ready_at, last_used)

    async def _finish(self) -> None:
        """Record the end, and remove the Pod."""
        assert self._end is not None
        of, end = self.obj, self._end
        log.info("session %s ended: %s %s", of.name, end.reason, end)
        await self._report(SessionPhase.ENDED, end.reason, str(end))
        if self._lease is not None:
            await self._lease.remove()

    async def _report(self, phase: SessionPhase, reason: str, message: str) -> None:
        ended = phase is SessionPhase.ENDED
        end = self._ctx.now() if ended else self._expires_at()
        status = session.status(phase, reason, message, last_used=self._last_used, expires=end)
        status["observedGeneration"] = self._reported_generation = self.obj.generation
        pod = None if self._lease is None else self._lease.pod
        if pod is not None:
            status |= session.pod_fields(pod, self._ctx.pods.node_of(pod))
        if self.runtime is not None and self.used is not None:
            status["resources"] = resources_of(self.used)
            status["runtimeGeneration"] = self.runtime.generation
        of_ = self.obj
        try:
            await retry_until_available(
                lambda: self._ctx.kube.patch_session_status(of_.name, of_.uid, status)
            )
        except ApiError as error:
            log.info("status of session %s is not written: %s", of_.name, error)
            self.end("Deleted", "The session was deleted.")

    async def _unless_ended(self, work: Any) -> Any:
        """Do this, unless the session ends meanwhile.

        Raises:
            SessionEnd: it has ended.
        """
        first = await first_of(work, self._ending)
        if first is self._ending:
            raise self._ending.result()
        return first.result()

    async def _is_ready(self, sandbox: Sandbox) -> bool:
        try:
            return await sandbox.is_ready()
        except EndedError as error:
            log.warning("Pod %s of session %s: %s", sandbox.name, self.obj.name, error)
            return False
