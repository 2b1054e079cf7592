"""Kubernetes Events: `kubectl describe sbx`, `sbs` and `sbr` show what went wrong.

Only failures of the installation cause one: a program's own end, and a request that is refused for
its content, do not. Posting never delays an execution: an Event is queued after the final status
was written, and one task posts the queue. An Event that cannot be posted is dropped.

Events are stored in etcd until the API server removes them (`--event-ttl`, an hour by default).
`_EVENTS_AT_ONCE` and `_SECONDS_PER_EVENT` bound them to some 3,700 Events an hour, 4 MiB, however
many executions fail.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from cloche_api import meta
from cloche_api.resources.phases import Reason
from cloche_kube.errors import KubeError
from cloche_operator.model.execution import now, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_operator.kube.api import Kube
    from cloche_operator.model.execution import Execution
    from cloche_operator.model.session import SessionObject
    from cloche_operator.state.cache import Runtime

WARNED = frozenset(
    {
        Reason.QUEUE_TIMEOUT,
        Reason.QUEUE_FULL,
        Reason.SOURCE_LOST,
        Reason.POD_EVICTED,
        Reason.POD_DELETED,
        Reason.POD_REFUSED,
        Reason.POD_FAILED,
        Reason.NODE_LOST,
        Reason.IMAGE_PULL_FAILED,
        Reason.CONTAINER_START_FAILED,
        Reason.UNSCHEDULABLE,
        Reason.START_TIMEOUT,
        Reason.SUPERVISOR_HUNG,
        Reason.RESULT_LOST,
        Reason.PROTOCOL_ERROR,
        Reason.INTERNAL_ERROR,
    }
)
"""The reasons that cause an Event. A WriteLimit does not, because an Event is a write too."""

_RUNTIME_SECONDS = 10.0
"""Seconds between two Events of one runtime with the same reason. The next one counts the rest."""
_EVENTS_AT_ONCE = 50
_SECONDS_PER_EVENT = 1.0
_KEPT_FOR_RUNTIMES = 10  # of those at once: executions leave them, so that each runtime has one
_QUEUE = 100  # Events that wait while the API server does not answer
_NOTE_BYTES = 1024  # the API server's limit
_CONTROLLER = "cloche.dev/operator"

log = logging.getLogger(__name__)


class Events:
    """The Warning Events of this operator."""

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kube = kube
        self._namespace = namespace
        self._identity = identity
        self._clock = clock
        self._queue: deque[dict[str, Any]] = deque(maxlen=_QUEUE)
        self._queued = asyncio.Event()
        self._allowed, self._counted = float(_EVENTS_AT_ONCE), clock()
        self._of_runtimes: dict[tuple[str, str], tuple[float, int]] = {}
        """When the last Event of a runtime and reason was queued, and how many were left out since.
        Both are bounded: runtimes are installed, and there are few reasons."""

    def execution_failed(
        self, execution: Execution, reason: Reason, message: str, runtime: Runtime | None
    ) -> None:
        """Queue the Events of an execution that has ended: its own, and its runtime's."""
        if runtime is not None:
            self.runtime_failed(runtime, reason, f"Execution {execution.name}: {message}")
        if self._allow(_KEPT_FOR_RUNTIMES):
            self._add("SandboxExecution", execution.name, execution.uid, reason, message)

    def session_failed(self, session: SessionObject, reason: Reason, message: str) -> None:
        """Queue the Event of a session that could not start."""
        if self._allow(_KEPT_FOR_RUNTIMES):
            self._add("SandboxSession", session.name, session.uid, reason, message)

    def runtime_failed(self, runtime: Runtime, reason: Reason, message: str) -> None:
        """Queue an Event of a runtime, unless there was one with this reason shortly before."""
        key, at = (runtime.name, reason), self._clock()
        last, more = self._of_runtimes.get(key, (-_RUNTIME_SECONDS, 0))
        if at - last < _RUNTIME_SECONDS or not self._allow(0):
            self._of_runtimes[key] = last, more + 1
            return
        self._of_runtimes[key] = at, 0
        if more:
            message = f"({more} more since the last Event) {message}"
        self._add("SandboxRuntime", runtime.name, runtime.uid, reason, message)

    async def post_for_ever(self) -> None:
        """Post what is queued, until cancelled."""
        while True:
            await self._queued.wait()
            self._queued.clear()
            while self._queue:
                event = self._queue.popleft()
                try:
                    await self._kube.create_event(event)
                except KubeError as error:
                    log.info("an Event of %s is not posted: %s", event["regarding"]["name"], error)

    def _allow(self, kept: int) -> bool:
        """Take one of the allowed Events, if more than `kept` of them are left."""
        at = self._clock()
        since = (at - self._counted) / _SECONDS_PER_EVENT
        self._allowed, self._counted = min(_EVENTS_AT_ONCE, self._allowed + since), at
        if self._allowed < 1 + kept:
            return False
        self._allowed -= 1
        return True

    def _add(self, kind: str, name: str, uid: str, reason: Reason, message: str) -> None:
        note = message.encode("utf-8", "replace")[:_NOTE_BYTES].decode("utf-8", "ignore")
        regarding = {"apiVersion": meta.API_VERSION, "kind": kind, "name": name, "uid": uid}
        self._queue.append(
            {
                "apiVersion": "events.k8s.io/v1",
                "kind": "Event",
                "metadata": {"name": f"{name}.{secrets.token_hex(8)}"},
                "regarding": regarding | {"namespace": self._namespace},
                "type": "Warning",
                "reason": reason,
                "action": "Run",
                "note": note,
                "reportingController": _CONTROLLER,
                "reportingInstance": self._identity,
                "eventTime": timestamp(now()),
            }
        )
        self._queued.set()
