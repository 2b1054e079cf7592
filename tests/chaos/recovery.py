"""Find leftovers, from the resources, the operators and the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.deadline import until
from support.site import STATE, TENANT, answered, is_leaving, restarts

if TYPE_CHECKING:
    from support.site import Site

_WAITING = "waiting"
_BUSY = ("cloche_operator_running_executions", "cloche_operator_queued_executions")
_ATTACHMENTS = "cloche_operator_attachments"
_STAND_SECONDS = 120.0


def left_over(site: Site, runtime: str) -> list[str]:
    """Return descriptions of everything besides full pools: Pods, runs and websockets.

    Cheap queries come first; later ones are made only if those found nothing.
    """
    return _pool(site, runtime) or _pods(site) or _tasks(site) or _websockets(site)


def _pool(site: Site, runtime: str) -> list[str]:
    found = site.runtime(runtime)
    size, status = found["spec"]["pool"]["size"], found.get("status", {})
    if (status.get("ready"), status.get("wanted")) == (size, size):
        return []
    return [f"the pool has {status.get('ready')} of {size}"]


def _pods(site: Site) -> list[str]:
    return [
        f"Pod {pod['metadata']['name']}"
        for pod in site.sandboxes()
        if is_leaving(pod) or not _waits(pod["metadata"].get("labels", {}))
    ]


def _waits(labels: dict[str, str]) -> bool:
    """Whether a Pod waits: for any execution, or in a reusing pool for the next of its tenant."""
    return labels.get(STATE) == _WAITING or TENANT in labels


def _tasks(site: Site) -> list[str]:
    figures = {name: site.operator_figure(name) for name in _BUSY}
    return [f"{name} is {value:g}" for name, value in figures.items() if value]


def _websockets(site: Site) -> list[str]:
    waiting = len(site.sandboxes())
    reported, open_ = site.operator_figure(_ATTACHMENTS), site.open_attaches()
    if reported == open_ == waiting:
        return []
    return [f"{waiting} Pods wait, operators report {reported:g} websockets, {open_} are open"]


def tidied(site: Site) -> None:
    """Replace killed standbys, whose next restart the kubelet would delay.

    Its back-off doubles with each crash of a container (10 s to 5 min); a new Pod starts without
    one.
    """
    leader = site.leader()["metadata"]["uid"]
    for pod in site.parts("operator"):
        if restarts(pod) and pod["metadata"]["uid"] != leader:
            site.remove_part(pod)
    until(lambda: answered(lambda: site.stand("operator")), _STAND_SECONDS, "the operators")
