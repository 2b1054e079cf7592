"""The kopf handlers: how the operator reacts to sessions and runtimes, starts and stops.

| resource | event | reaction |
|---|---|---|
| SandboxSession | seen, changed | it is started, or ended |
| | deleted | it is ended |
| SandboxRuntime | seen, changed | its pool is created or adjusted |
| | deleted | its pool is removed |

All of them are raw events (`kopf.on.event`), which write nothing to the objects. `on.create`,
`on.update` and `on.resume` write an annotation, which takes the right to patch the spec, and with
it a runtime's image. `on.delete` is only called for objects with kopf's finalizer, even if it is
optional: a deletion without one is reported as a raw event alone.

Executions and Pods do not come by kopf (`watches`). docs/decisions/kopf.md has the reasons in full,
and why there is no index and no probe.
"""

from __future__ import annotations

import contextvars
import dataclasses
import os
from typing import TYPE_CHECKING, Any, cast

import kopf

from cloche_api import meta

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cloche_api.resources.typed_objects import RuntimeDict, SessionDict
    from cloche_operator.context import Context
    from cloche_operator.pools.manager import Pools
    from cloche_operator.sessions.registry import Sessions


@dataclasses.dataclass(frozen=True)
class Memo:
    """The components that the handlers call. kopf passes it to each of them as `memo`."""

    ctx: Context
    pools: Pools
    sessions: Sessions
    drain: Callable[[], Awaitable[None]]
    """Ends the work of the leader. Called once."""

    def __copy__(self) -> Memo:
        """Return the same memo: kopf copies it for each object that it sees."""
        return self


@kopf.on.startup()
async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Configure kopf: it writes nothing, and its lists and watches stay small."""
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.queueing.idle_timeout = 0.2
    settings.networking.request_timeout = 10
    settings.watching.server_timeout = 300
    settings.execution.default_backoff = 1


@kopf.on.login()
def log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Log in with the Pod's service account, or outside a cluster with the kubeconfig."""
    in_pod = kopf.login_with_service_account(**kwargs)
    if in_pod is None:
        return kopf.login_with_kubeconfig(**kwargs)
    return dataclasses.replace(in_pod, server=api_server_url(os.environ))


@kopf.on.event(meta.GROUP, meta.VERSION, meta.SESSIONS)
async def session_event(event: Any, memo: Memo, **_: Any) -> None:
    """Start or end a session."""
    if event["type"] == "DELETED":
        memo.sessions.vanished(event["object"]["metadata"]["uid"])
    else:
        # kopf's context holds the object, and the session's task would hold that context.
        obj = cast("SessionDict", dict(event["object"]))
        contextvars.Context().run(memo.sessions.observe, obj)


@kopf.on.event(meta.GROUP, meta.VERSION, meta.RUNTIMES)
async def runtime_event(event: Any, memo: Memo, **_: Any) -> None:
    """Create, adjust or remove a runtime's pool."""
    obj = cast("RuntimeDict", event["object"])
    runtime = memo.ctx.runtimes.seen(obj, deleted=event["type"] == "DELETED")
    if runtime is not None:
        memo.pools.runtime_seen(runtime)
    else:
        memo.pools.runtime_gone(obj["metadata"]["name"])


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
