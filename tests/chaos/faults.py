"""The faults: how each is injected, and when the component counts as recovered."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from support.clients.node_processes import kill_component, of_component, of_pod
from support.deadline import until

from cloche_cluster.embedded.layout import Layout
from cloche_cluster.embedded.settings import Ports

if TYPE_CHECKING:
    from chaos.round import Round

FREEZE_SECONDS = 10
_KUBELET_HEALTH = f"http://127.0.0.1:{Ports.kubelet_health}/healthz"
_LEADING = "cloche_operator_leading"
_VICTIM_SECONDS = 60
_QUICK_SECONDS = 2.0
_RESTART_SECONDS = 60


@dataclass(frozen=True)
class Fault:
    """A kind of failure."""

    name: str
    strike: Callable[[Round], None]
    """Inject the fault; returns when this is done."""
    is_mended: Callable[[Round], bool | None]
    """Whether the component works again."""
    times: int = 1
    """Number of its rounds in a complete run."""
    synchronous: float = 0.0
    """The share of executions that use synchronous requests."""
    at_acceptance: bool = False
    """Whether it is injected while requests are accepted instead of while executions end."""


def _kill_leader(of: Round) -> None:
    _kill_in_pod(of.cluster.leader()["metadata"]["uid"], b"cloche_operator")


def _kill_operators(of: Round) -> None:
    for pod in of.cluster.parts("operator"):
        _kill_in_pod(pod["metadata"]["uid"], b"cloche_operator")


def _kill_gateways(of: Round) -> None:
    for pod in of.cluster.parts("gateway"):
        _kill_in_pod(pod["metadata"]["uid"], b"cloche_gateway")


def _kill_in_pod(uid: str, argument: bytes) -> None:
    for process in of_pod(uid, argument):
        os.kill(process, signal.SIGKILL)


def _kill(program: str) -> Callable[[Round], None]:
    def strike(_: Round) -> None:
        kill_component(program, _RESTART_SECONDS)

    return strike


def _freeze(program: str) -> Callable[[Round], None]:
    def strike(_: Round) -> None:
        process = of_component(program)
        os.kill(process, signal.SIGSTOP)
        try:
            over = time.monotonic() + FREEZE_SECONDS
            until(lambda: time.monotonic() > over, "the frost to be over", 2 * FREEZE_SECONDS)
        finally:
            os.kill(process, signal.SIGCONT)

    return strike


def _delete_victim(of: Round) -> None:
    """Delete the Pod of one running execution, which sleeps long enough for this."""

    def pod() -> str | None:
        execution = of.cluster.executions(of.session).get(of.victim_name() or "")
        if execution is None:
            return None
        started = {start.execution for start in of.witness.running()}
        name: str = execution["status"].get("podName", "")
        return name if execution["metadata"]["uid"] in started else None

    of.cluster.delete_sandbox(until(pod, "the victim to be started", _VICTIM_SECONDS))


def _leads(of: Round) -> bool:
    """Return whether all operators answer, and a living one holds a Lease that is renewed.

    Each operator is queried directly, because a Pod's Ready condition stays true until the kubelet
    notices a crash.
    """
    if not of.cluster.is_complete("operator") or of.cluster.operator_figure(_LEADING) != 1:
        return False
    before = of.cluster.lease()["renewTime"]
    of.cluster.leader()
    until(lambda: of.cluster.lease()["renewTime"] != before, "the Lease to be renewed", 10)
    return True


def _api_serves(of: Round) -> bool:
    return of.cluster.api.client.get("/readyz", timeout=_QUICK_SECONDS).is_success


def _kubelet_serves(_: Round) -> bool:
    return httpx.get(_KUBELET_HEALTH, timeout=_QUICK_SECONDS).is_success


def _containerd_serves(_: Round) -> bool:
    with socket.socket(socket.AF_UNIX) as to:
        to.settimeout(_QUICK_SECONDS)
        return to.connect_ex(str(Layout().containerd_socket)) == 0


def _gateway_serves(of: Round) -> bool:
    return of.client.is_served() and of.cluster.is_complete("gateway")


KILL_LEADER = Fault("leading operator killed", _kill_leader, _leads, times=20)
KILL_OPERATORS = Fault("both operators killed", _kill_operators, _leads)
KILL_GATEWAY = Fault(
    "gateway killed", _kill_gateways, _gateway_serves, synchronous=0.25, at_acceptance=True
)
KILL_KUBELET = Fault("kubelet killed", _kill("kubelet"), _kubelet_serves)
KILL_CONTAINERD = Fault("containerd killed", _kill("containerd"), _containerd_serves)
KILL_API_SERVER = Fault("API server killed", _kill("kube-apiserver"), _api_serves)
KILL_ETCD = Fault("etcd killed", _kill("etcd"), _api_serves)
FREEZE_API_SERVER = Fault("API server frozen 10 s", _freeze("kube-apiserver"), _api_serves)
DELETE_POD = Fault("Pod deleted by hand", _delete_victim, lambda _: True)
"""The only fault that loses an execution by design."""

ROUNDS = {
    "the node": (KILL_KUBELET, KILL_CONTAINERD),
    "the control plane": (KILL_API_SERVER, FREEZE_API_SERVER, KILL_ETCD),
    "Cloche's own parts": (KILL_GATEWAY, KILL_LEADER, DELETE_POD, KILL_OPERATORS),
}
"""Faults of one round in tests/chaos/test_faults.py, one after the other. None hides the next one,
because each must have recovered first."""
FAULTS = (
    KILL_LEADER,
    KILL_OPERATORS,
    KILL_GATEWAY,
    KILL_KUBELET,
    KILL_CONTAINERD,
    KILL_API_SERVER,
    KILL_ETCD,
    FREEZE_API_SERVER,
    DELETE_POD,
)
