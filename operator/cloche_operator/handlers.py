"""kopf handlers. They translate watch events into calls and decide nothing."""

from __future__ import annotations

import contextvars
import dataclasses
import logging
import os
from typing import TYPE_CHECKING, Any

import kopf

from cloche_api import meta
from cloche_api.resources.phases import UNFINISHED
from cloche_operator.kube.api import label_selector
from cloche_operator.kube.garbage import Litter
from cloche_operator.kube.retry import persist
from cloche_operator.model import pod_manifest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cloche_operator.executions.dispatcher import Dispatcher
    from cloche_operator.pools.manager import Pools
    from cloche_operator.sessions.registry import Sessions
    from cloche_operator.state.context import Context

_PAGE = 5
"""Objects in a page of a list. A waiting execution takes up to 7 MiB while it is read."""

log = logging.getLogger(__name__)


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings: it writes nothing, and its lists and watches stay small."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.peering.standalone = True
    chosen.queueing.idle_timeout = 0.2
    chosen.networking.request_timeout = 10
    chosen.watching.server_timeout = 300
    chosen.watching.chunk_size = _PAGE
    chosen.execution.default_backoff = 1
    chosen.persistence.diffbase_storage = _NoDiffs()
    chosen.watching.field_selectors[meta.GROUP, meta.EXECUTIONS] = UNFINISHED
    chosen.watching.label_selectors["pods"] = label_selector(pod_manifest.COMPONENT)
    return chosen


def api_server_url(environment: Mapping[str, str]) -> str:
    """Return the API server's URL from the variables that the kubelet sets in each container.

    kopf's login uses `kubernetes.default.svc`. The operator would then need the cluster's DNS to
    start and to keep running.
    """
    host, port = (environment[f"KUBERNETES_SERVICE_{what}"] for what in ("HOST", "PORT"))
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Log in with the Pod's service account, or outside a cluster with the kubeconfig."""
    in_pod = kopf.login_with_service_account(**kwargs)
    if in_pod is None:
        return kopf.login_with_kubeconfig(**kwargs)
    return dataclasses.replace(in_pod, server=api_server_url(os.environ))


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


def registry(
    ctx: Context,
    dispatcher: Dispatcher,
    pools: Pools,
    sessions: Sessions,
    drain: Callable[[], Awaitable[None]],
) -> kopf.OperatorRegistry:
    """Return the handlers, bound to these components. `drain` is called once, at the end."""
    handlers = kopf.OperatorRegistry()
    litter = Litter(ctx.settings.litter_bytes)

    kopf.on.login(registry=handlers)(_log_in)

    @kopf.on.event(meta.GROUP, meta.VERSION, meta.EXECUTIONS, registry=handlers)
    async def execution_seen(event: Any, **_: Any) -> None:
        if event["type"] == "DELETED":
            await _left(ctx, dispatcher, dict(event["object"]))
        else:
            listed = event["type"] is None
            _apart(dispatcher.observe, dict(event["object"]), listed=listed)
        litter.passed(dict(event["object"]))

    @kopf.on.event(meta.GROUP, meta.VERSION, meta.SESSIONS, registry=handlers)
    async def session_seen(event: Any, **_: Any) -> None:
        if event["type"] == "DELETED":
            sessions.vanished(event["object"]["metadata"]["uid"])
        else:
            _apart(sessions.observe, dict(event["object"]))

    @kopf.on.event(meta.GROUP, meta.VERSION, meta.RUNTIMES, registry=handlers)
    async def runtime_seen(event: Any, **_: Any) -> None:
        deleted = event["type"] == "DELETED"
        runtime = ctx.runtimes.seen(dict(event["object"]), deleted=deleted)
        if runtime is not None:
            pools.runtime_seen(runtime)
        else:
            pools.runtime_gone(event["object"]["metadata"]["name"])

    @kopf.on.event("pods", labels=pod_manifest.COMPONENT, registry=handlers)
    async def pod_seen(event: Any, **_: Any) -> None:
        pod, deleted = dict(event["object"]), event["type"] == "DELETED"
        ctx.pods.seen(pod, deleted=deleted)
        pools.pod_seen(pod, deleted=deleted)

    @kopf.on.cleanup(registry=handlers)
    async def stop(**_: Any) -> None:
        # Drained here, because kopf cancels all other tasks 5 s after its own have ended.
        await drain()

    return handlers


def _apart(take_in: Callable[..., None], obj: dict[str, Any], **more: bool) -> None:
    """Process an object outside kopf's context.

    The context holds the complete object, and each task or callback made in it holds the context.
    """
    contextvars.Context().run(take_in, obj, **more)


async def _left(ctx: Context, dispatcher: Dispatcher, obj: dict[str, Any]) -> None:
    """Handle a DELETED event. An execution that ends leaves the watch's selector and causes one."""
    name, uid = obj["metadata"]["name"], obj["metadata"]["uid"]
    if not dispatcher.awaits_end_of(uid):
        return
    if await persist(lambda: ctx.kube.execution_uid(name)) != uid:
        dispatcher.vanished(uid)
