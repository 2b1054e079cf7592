"""The sessions, and which of them an execution runs in."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import TYPE_CHECKING

import pydantic

from cloche_api.resources.phases import Reason
from cloche_api.resources.session import SessionPhase
from cloche_kube.errors import ApiError
from cloche_kube.retry import retry_until_available
from cloche_kube.tasks import Background
from cloche_operator.model.session import ended_by_replacement, from_object
from cloche_operator.model.status import EndedError
from cloche_operator.sessions.session import Session

if TYPE_CHECKING:
    from cloche_api.resources.typed_objects import SessionDict
    from cloche_operator.context import Context
    from cloche_operator.model.execution import Execution
    from cloche_operator.model.session import SessionObject
    from cloche_operator.pools.manager import Pools

log = logging.getLogger(__name__)


class Sessions:
    """The sessions that this operator runs."""

    def __init__(self, ctx: Context, pools: Pools) -> None:
        self._ctx = ctx
        self._pools = pools
        self._sessions: dict[str, tuple[Session, asyncio.Task[None]]] = {}
        self._ending = Background()
        self._stopping = False

    def observe(self, obj: SessionDict) -> None:
        """Process a SandboxSession's current state."""
        try:
            seen = from_object(obj)
        except pydantic.ValidationError as error:
            log.warning("session %s cannot be read: %s", obj["metadata"]["name"], error)
            return
        if kept := self._sessions.get(seen.uid):
            if seen.deleted:
                kept[0].end("Deleted", "The session was deleted.")
            else:
                kept[0].changed(seen)
            return
        if seen.phase is SessionPhase.ENDED or seen.deleted or self._stopping:
            return
        if seen.phase is SessionPhase.READY:
            self._ending.start(self._end(seen))
            return
        session = Session(self._ctx, self._pools, seen)
        task = asyncio.create_task(session.run(), name=f"session {seen.name}")
        self._sessions[seen.uid] = (session, task)
        task.add_done_callback(lambda task: self._done(seen.uid, task))

    def vanished(self, uid: str) -> None:
        """End a session that no longer exists."""
        if kept := self._sessions.get(uid):
            kept[0].end("Deleted", "The session was deleted.")

    async def of(self, execution: Execution) -> Session:
        """Return the session that an execution runs in. Its `in_session` must be true.

        Raises:
            EndedError: SessionEnded, if its tenant has no session with that name.
        """
        name = execution.spec.session or ""
        if found := self._find(name, execution.tenant):
            return found
        # The watches of executions and sessions are not ordered, so this one may still come.
        obj = await retry_until_available(lambda: self._ctx.kube.find_session(name))
        if obj is not None:
            contextvars.Context().run(self.observe, obj)  # its task is not part of this execution
        if found := self._find(name, execution.tenant):
            return found
        raise EndedError(Reason.SESSION_ENDED, f"The session {name} has ended.")

    def _find(self, name: str, tenant: str) -> Session | None:
        for session, _ in self._sessions.values():
            if session.obj.name == name and session.obj.tenant == tenant:
                return session
        return None

    def stop(self) -> None:
        """Leave all sessions to the next operator, which ends them."""
        self._stopping = True
        for _, task in self._sessions.values():
            task.cancel()

    async def _end(self, seen: SessionObject) -> None:
        """End a session of the previous operator, because its connection is closed."""
        try:
            status = ended_by_replacement(self._ctx.now())
            await retry_until_available(
                lambda: self._ctx.kube.patch_session_status(seen.name, seen.uid, status)
            )
        except ApiError as error:
            log.info("end of session %s is not written: %s", seen.name, error)

    def _done(self, uid: str, task: asyncio.Task[None]) -> None:
        del self._sessions[uid]
        if not task.cancelled() and (error := task.exception()):
            log.error("%s failed", task.get_name(), exc_info=error)
