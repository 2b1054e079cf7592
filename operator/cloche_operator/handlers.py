"""The kopf handlers: what the operator reacts to. They translate events into calls.

| resource | event | reaction |
|---|---|---|
| SandboxExecution | seen, changed | the dispatcher runs, cancels or ignores it |
| | deleted, or ended | its run is cancelled, if there is one and the object is gone |
| SandboxSession | seen, changed | it is started, or ended |
| | deleted | it is ended |
| SandboxRuntime | seen, changed | its pool is created or adjusted |
| | deleted | its pool is removed |
| Pod of a sandbox | any | the cache is updated; a Pod that became unusable leaves its pool |

All of them are raw events (`kopf.on.event`), which write nothing to the objects:

- Executions: `on.create` would write the last handled spec into an annotation, a further write that
  a client waits for, with the program in it.
- Sessions and runtimes: `on.create`, `on.update` and `on.resume` write the same annotation, which
  takes the right to patch the spec, and with it a runtime's image. `on.delete` is only called for
  objects with kopf's finalizer, even if it is optional: a deletion without one is reported as a raw
  event alone.
- Pods: any other handler would write that annotation to each Pod while it starts.

docs/decisions/kopf.md has the reasons in full, and why there is no index and no probe.
"""

from __future__ import annotations

import contextvars
import dataclasses
import gc
import os
from typing import TYPE_CHECKING, Any, cast

import kopf

from cloche_api import meta
from cloche_api.resources.phases import UNFINISHED
from cloche_kube.retry import retry_until_available
from cloche_operator.kube.api import label_selector
from cloche_operator.model.pod import from_object
from cloche_operator.model.pod_manifest import COMPONENT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cloche_api.resources.typed_objects import ExecutionDict, RuntimeDict, SessionDict
    from cloche_operator.context import Context
    from cloche_operator.executions.dispatcher import Dispatcher
    from cloche_operator.pools.manager import Pools
    from cloche_operator.sessions.registry import Sessions

_PAGE = 5
"""Objects in a page of a list. A waiting execution takes up to 7 MiB while it is read."""
_CHARACTER_BYTES = 4  # in a text with one character beyond U+FFFF


@dataclasses.dataclass(frozen=True)
class Memo:
    """The components that the handlers call. kopf passes it to each of them as `memo`."""

    ctx: Context
    dispatcher: Dispatcher
    pools: Pools
    sessions: Sessions
    litter: Litter
    drain: Callable[[], Awaitable[None]]
    """Ends the work of the leader. Called once."""

    def __copy__(self) -> Memo:
        """Return the same memo: kopf copies it for each object that it sees."""
        return self


class Litter:
    """Collects all garbage each time that objects of `bound` bytes have been processed.

    kopf leaves large objects behind in reference cycles. Python collects garbage rarely here,
    because a collection delays requests, and it counts objects and not their size. A few dozen of
    these objects take half of the memory.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._size = 0

    def passed(self, obj: ExecutionDict) -> None:
        """Count an API object that was processed and is no longer needed."""
        self._size += _CHARACTER_BYTES * _characters(obj)
        if self._size >= self._bound:
            self._size = 0
            gc.collect()


@kopf.on.startup()
async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Configure kopf: it writes nothing, and its lists and watches stay small."""
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.queueing.idle_timeout = 0.2
    settings.networking.request_timeout = 10
    settings.watching.server_timeout = 300
    settings.watching.chunk_size = _PAGE
    settings.execution.default_backoff = 1
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.watching.field_selectors[meta.GROUP, meta.EXECUTIONS] = UNFINISHED
    settings.watching.label_selectors["pods"] = label_selector(COMPONENT)


@kopf.on.login()
def log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Log in with the Pod's service account, or outside a cluster with the kubeconfig."""
    in_pod = kopf.login_with_service_account(**kwargs)
    if in_pod is None:
        return kopf.login_with_kubeconfig(**kwargs)
    return dataclasses.replace(in_pod, server=api_server_url(os.environ))


@kopf.on.event(meta.GROUP, meta.VERSION, meta.EXECUTIONS)
async def execution_event(event: Any, memo: Memo, **_: Any) -> None:
    """Run, cancel or forget an execution.

    The watch selects unfinished executions, so one that ends leaves it and is reported as DELETED.
    """
    execution = cast("ExecutionDict", dict(event["object"]))
    if event["type"] == "DELETED":
        await _left_the_watch(memo, execution["metadata"]["name"], execution["metadata"]["uid"])
    else:
        kind = event["type"]
        _without_context(
            memo.dispatcher.observe, execution, listed=kind is None, created=kind == "ADDED"
        )
    memo.litter.passed(execution)


@kopf.on.event(meta.GROUP, meta.VERSION, meta.SESSIONS)
async def session_event(event: Any, memo: Memo, **_: Any) -> None:
    """Start or end a session."""
    if event["type"] == "DELETED":
        memo.sessions.vanished(event["object"]["metadata"]["uid"])
    else:
        _without_context(memo.sessions.observe, cast("SessionDict", dict(event["object"])))


@kopf.on.event(meta.GROUP, meta.VERSION, meta.RUNTIMES)
async def runtime_event(event: Any, memo: Memo, **_: Any) -> None:
    """Create, adjust or remove a runtime's pool."""
    obj = cast("RuntimeDict", event["object"])
    runtime = memo.ctx.runtimes.seen(obj, deleted=event["type"] == "DELETED")
    if runtime is not None:
        memo.pools.runtime_seen(runtime)
    else:
        memo.pools.runtime_gone(obj["metadata"]["name"])


@kopf.on.event("pods", labels=COMPONENT)
async def pod_event(event: Any, memo: Memo, **_: Any) -> None:
    """Update the cache of Pods, and remove a Pod from its pool that cannot be used any more."""
    pod, deleted = from_object(event["object"]), event["type"] == "DELETED"
    memo.ctx.pods.seen(pod, deleted=deleted)
    memo.pools.pod_seen(pod, deleted=deleted)


@kopf.on.cleanup()
async def stop(memo: Memo, **_: Any) -> None:
    """Drain: kopf would cancel the leader's tasks 5 s after its own have ended."""
    await memo.drain()


def api_server_url(environment: Mapping[str, str]) -> str:
    """Return the API server's URL from the variables that the kubelet sets in each container.

    kopf's login uses `kubernetes.default.svc`. The operator would then need the cluster's DNS to
    start and to keep running.
    """
    host, port = (environment[f"KUBERNETES_SERVICE_{what}"] for what in ("HOST", "PORT"))
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


class _NoDiffs(kopf.DiffBaseStorage):
    """Stores no earlier state of an object.

    kopf copies every object to compute its changes, even if no handler uses them, as here.
    """

    def build(self, **_: Any) -> Any:
        """Return an empty object, because nothing is compared."""
        return {}

    def fetch(self, **_: Any) -> Any:
        """Return no earlier state."""
        return None

    def store(self, **_: Any) -> None:
        """Store nothing."""


def _without_context(
    observe: Callable[..., None], obj: ExecutionDict | SessionDict, **more: bool
) -> None:
    """Process an object outside kopf's context.

    The context holds the complete object, and each task or callback made in it holds the context.
    """
    contextvars.Context().run(observe, obj, **more)


async def _left_the_watch(memo: Memo, name: str, uid: str) -> None:
    """Cancel the run of an execution that is gone. It is not gone if it has only ended."""
    if not memo.dispatcher.awaits_end_of(uid):
        return
    if await retry_until_available(lambda: memo.ctx.kube.execution_uid(name)) != uid:
        memo.dispatcher.vanished(uid)


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_characters, value.values()))
    if isinstance(value, list):
        return sum(map(_characters, value))
    return 0
