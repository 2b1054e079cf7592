"""Starts the executions: at most one run for each, however often it is observed."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

import pydantic

from cloche_api.resources.phases import Reason
from cloche_kube.errors import ApiError
from cloche_kube.retry import retry_until_available
from cloche_kube.tasks import Background
from cloche_operator.executions.lifecycle import Run
from cloche_operator.model import status
from cloche_operator.model.execution import with_spec
from cloche_operator.state.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_api.resources.typed_dicts import ExecutionStatusDict
    from cloche_api.resources.typed_objects import ExecutionDict
    from cloche_operator.context import Context
    from cloche_operator.pools.manager import Pools
    from cloche_operator.sessions.registry import Sessions

_CANCEL_SECONDS = 1.0  # for the clean-up of a cancelled run
_STALE_SECONDS = 600.0
"""How long a list or an event may show an execution as unfinished after its end. A list of several
pages can be continued for 5 minutes at most, until etcd's compaction."""

log = logging.getLogger(__name__)


class Dispatcher:
    """Starts a run for each unfinished execution, and halts those cancelled or deleted.

    `adopted`: the uids of the executions that existed when this operator began to lead. Another
    operator may have sent their input to the Pods that they name.
    """

    def __init__(
        self,
        ctx: Context,
        pools: Pools,
        sessions: Sessions,
        adopted: Iterable[str] = (),
    ) -> None:
        self._ctx = ctx
        self._known = set(adopted)
        """And those that had a run here, until some time after it."""
        self._over: deque[tuple[float, str]] = deque()
        """When the runs were over, by the event loop's clock, and their uids."""
        self._pools = pools
        self._sessions = sessions
        self._runs: dict[str, tuple[Run, asyncio.Task[None]]] = {}
        self._refusals = Background()
        self._stopping = False
        waitlist = ctx.capacity.waitlist
        ctx.metrics.queued.set_function(lambda: len(waitlist))
        ctx.metrics.queued_bytes.set_function(lambda: waitlist.size)
        ctx.metrics.buffered.set_function(lambda: ctx.budget.used)
        ctx.metrics.stored.set_function(lambda: len(ctx.records))
        ctx.metrics.stored_bytes.set_function(lambda: ctx.records.size)
        ctx.metrics.running.set_function(lambda: max(0, len(self._runs) - len(waitlist)))

    def working_on(self, uid: str) -> bool:
        """Return whether there is a run for the execution with this uid."""
        return uid in self._runs

    def awaits_end_of(self, uid: str) -> bool:
        """Return whether the execution with this uid has a run that does not record its end yet."""
        return uid in self._runs and not self._runs[uid][0].recording

    def observe(self, obj: ExecutionDict, *, listed: bool = False) -> None:
        """Process a SandboxExecution's state. `listed`: it comes from a list, not an event.

        One that is seen for the first time was created after this operator had begun to lead. So no
        operator has sent its input yet: an earlier leader's fence was closed by then.
        """
        if running := self._runs.get(obj["metadata"]["uid"]):
            cancel: bool = obj["spec"].get("cancel", False)
            if "deletionTimestamp" in obj["metadata"]:
                running[0].halt(Reason.DELETED, "The execution was deleted.")
            elif cancel:
                running[0].halt(Reason.CANCELLED, "The execution was cancelled.")
            return
        try:
            execution, spec = with_spec(obj)
        except pydantic.ValidationError as error:
            self._refuse(obj, error)
            return
        if execution.ended or execution.deleted or self._stopping:
            return
        source = Source(self._ctx.kube, self._ctx.budget, execution, spec)
        if execution.pod_name is not None:
            self._ctx.uses.begin(execution.pod_name, execution.uid)
        new = execution.uid not in self._known
        self._known.add(execution.uid)
        run = Run(self._ctx, self._pools, self._sessions, execution, source, new=new)
        run.charge(self._ctx.records.begun(execution), listed=listed)
        task = asyncio.create_task(run.run(), name=f"execution {execution.name}")
        self._runs[execution.uid] = (run, task)
        task.add_done_callback(lambda task: self._done(execution.uid, task))

    def vanished(self, uid: str) -> None:
        """Halt the run of an execution that no longer exists."""
        if running := self._runs.get(uid):
            running[0].halt(Reason.DELETED, "The execution was deleted.")

    async def drain(self, seconds: float) -> None:
        """Start nothing new, wait `seconds` for the runs, and leave the rest to the next leader."""
        self._stopping = True
        tasks = {task for _, task in self._runs.values()}
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            task.cancel()
        if tasks:
            # This bounds the wait for calls that an unavailable API server does not answer.
            await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)

    def _refuse(self, obj: ExecutionDict, error: pydantic.ValidationError) -> None:
        """End an execution that the API server has accepted but this operator cannot parse."""
        of, first = obj["metadata"], error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        final = status.unreadable(f"spec.{field}: {first['msg']}", obj["spec"], self._ctx.now())
        log.error("execution %s: %s", of["name"], final["message"])
        self._refusals.start(self._write_refusal(of["name"], of["uid"], final))

    async def _write_refusal(self, name: str, uid: str, final: ExecutionStatusDict) -> None:
        try:
            await retry_until_available(
                lambda: self._ctx.kube.patch_execution_status(name, uid, final)
            )
        except ApiError as error:
            log.info("end of %s is not recorded: %s", name, error)

    def _done(self, uid: str, task: asyncio.Task[None]) -> None:
        run, _ = self._runs.pop(uid)
        if run.over:
            self._forget_later(uid)
        self._ctx.uses.end(uid)
        self._ctx.records.left(uid)
        if not task.cancelled() and (error := task.exception()):
            # The sweep finds what the run has left.
            log.error("%s failed", task.get_name(), exc_info=error)

    def _forget_later(self, uid: str) -> None:
        """Forget an execution that is over once no list or event can show it as unfinished."""
        now = asyncio.get_running_loop().time()
        self._over.append((now, uid))
        while self._over[0][0] < now - _STALE_SECONDS:
            self._known.discard(self._over.popleft()[1])
