"""Find leftovers, from the resources, the operators and the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.clients.installation_api import STATE, TENANT, answered, is_leaving, restarts
from support.deadline import until

if TYPE_CHECKING:
    from support.clients.installation_api import InstallationApi

_WAITING = "waiting"
_BUSY = ("cloche_operator_running_executions", "cloche_operator_queued_executions")
_ATTACHMENTS = "cloche_operator_attachments"
_STAND_SECONDS = 120.0


def left_over(cluster: InstallationApi, runtime: str) -> list[str]:
    """Return descriptions of everything besides full pools: Pods, runs and websockets.

    Cheap queries come first; later ones are made only if those found nothing.
    """
    return _pool(cluster, runtime) or _pods(cluster) or _tasks(cluster) or _websockets(cluster)


def _pool(cluster: InstallationApi, runtime: str) -> list[str]:
    found = cluster.runtime(runtime)
    size, status = found["spec"]["pool"]["size"], found.get("status", {})
    if (status.get("ready"), status.get("wanted")) == (size, size):
        return []
    return [f"the pool has {status.get('ready')} of {size}"]


def _pods(cluster: InstallationApi) -> list[str]:
    return [
        f"Pod {pod['metadata']['name']}"
        for pod in cluster.sandboxes()
        if is_leaving(pod) or not _waits(pod["metadata"].get("labels", {}))
    ]


def _waits(labels: dict[str, str]) -> bool:
    """Whether a Pod waits: for any execution, or in a reusing pool for the next of its tenant."""
    return labels.get(STATE) == _WAITING or TENANT in labels


def _tasks(cluster: InstallationApi) -> list[str]:
    figures = {name: cluster.operator_figure(name) for name in _BUSY}
    return [f"{name} is {value:g}" for name, value in figures.items() if value]


def _websockets(cluster: InstallationApi) -> list[str]:
    waiting = len(cluster.sandboxes())
    reported, open_ = cluster.operator_figure(_ATTACHMENTS), cluster.open_attaches()
    if reported == open_ == waiting:
        return []
    return [f"{waiting} Pods wait, operators report {reported:g} websockets, {open_} are open"]


def tidied(cluster: InstallationApi) -> None:
    """Replace killed standbys, whose next restart the kubelet would delay.

    Its back-off doubles with each crash of a container (10 s to 5 min); a new Pod starts without
    one.
    """
    leader = cluster.leader()["metadata"]["uid"]
    for pod in cluster.parts("operator"):
        if restarts(pod) and pod["metadata"]["uid"] != leader:
            cluster.remove_part(pod)
    until(
        lambda: answered(lambda: cluster.is_complete("operator")), "the operators", _STAND_SECONDS
    )
