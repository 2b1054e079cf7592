"""The watches of executions and Pods: which calls their events cause.

| resource | event | reaction |
|---|---|---|
| SandboxExecution | listed, created, changed | the dispatcher runs, cancels or ignores it |
| | deleted, or ended | its run is cancelled, if there is one and the object is gone |
| Pod of a sandbox | any | the cache is updated; a Pod that became unusable leaves its pool |

Each execution has several of these events, and clients wait for some of them. The rarer ones come
by kopf (`handlers`). docs/decisions/kopf.md has the reasons and the figures.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from cloche_kube.retry import retry_until_available
from cloche_kube.tasks import Background
from cloche_kube.watch import LISTED, Follower
from cloche_operator.model.pod import from_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_api.resources.typed_objects import ExecutionDict
    from cloche_operator.context import Context
    from cloche_operator.executions.dispatcher import Dispatcher
    from cloche_operator.model.pod_types import PodDict
    from cloche_operator.pools.manager import Pools

log = logging.getLogger(__name__)


async def follow_executions(ctx: Context, dispatcher: Dispatcher) -> None:
    """Pass executions on until cancelled. Failures of the API server are retried."""
    sink = _EachObject(Executions(ctx, dispatcher).process)
    await Follower(ctx.rest, ctx.kube.unfinished_executions, sink).run()


async def follow_pods(ctx: Context, pools: Pools) -> None:
    """Pass the Pods of sandboxes on until cancelled. Failures of the API server are retried."""

    def process(kind: str, obj: dict[str, Any]) -> None:
        pod, deleted = from_object(cast("PodDict", obj)), kind == "DELETED"
        ctx.pods.seen(pod, deleted=deleted)
        pools.pod_seen(pod, deleted=deleted)

    await Follower(ctx.rest, ctx.kube.sandbox_pods, _EachObject(process)).run()


class _EachObject:
    """A sink that passes on each object with its kind. It keeps none.

    An object that causes an error is passed over, so that the others are processed. The sweep finds
    what it has left.
    """

    def __init__(self, process: Callable[[str, dict[str, Any]], None]) -> None:
        self._process = process

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Process an object that was listed, or one event."""
        try:
            self._process(kind, obj)
        except Exception:
            log.exception("%s %s", obj.get("kind", "object"), obj["metadata"]["name"])

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Do nothing: each object comes as LISTED."""

    def connected(self) -> None:
        """Do nothing: what was missed while the watch was down is listed, or found by the sweep."""


class Executions:
    """Passes unfinished executions on.

    The watch selects these, so one that ends leaves it and is reported as DELETED.
    """

    def __init__(self, ctx: Context, dispatcher: Dispatcher) -> None:
        self._ctx = ctx
        self._dispatcher = dispatcher
        self._checks = Background()

    def process(self, kind: str, obj: dict[str, Any]) -> None:
        """Process an execution that was listed, or one event."""
        execution = cast("ExecutionDict", obj)
        if kind == "DELETED":
            name, uid = execution["metadata"]["name"], execution["metadata"]["uid"]
            if self._dispatcher.awaits_end_of(uid):
                self._checks.start(self._check(name, uid))
        else:
            self._dispatcher.observe(execution, listed=kind == LISTED)

    async def _check(self, name: str, uid: str) -> None:
        """Cancel the run of an execution that is gone. It is not gone if it has only ended."""
        if await retry_until_available(lambda: self._ctx.kube.execution_uid(name)) != uid:
            self._dispatcher.vanished(uid)
