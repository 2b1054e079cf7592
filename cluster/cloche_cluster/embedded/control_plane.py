"""Run an API server and its etcd without a node, in a temporary directory, for tests."""

from __future__ import annotations

import random
import socket
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.components.build import Binaries, ensure_binaries
from cloche_cluster.components.pins import component, kubernetes_version
from cloche_cluster.console import Console
from cloche_cluster.embedded import programs
from cloche_cluster.embedded.layout import Layout
from cloche_cluster.embedded.pki import ControlPlane, ensure_pki
from cloche_cluster.embedded.settings import Ports
from cloche_cluster.errors import ClusterError
from cloche_cluster.kubectl import api_server_ready
from cloche_cluster.machine.command import running, wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from cloche_cluster.embedded.programs import Program

_ADVERTISED = "10.99.0.1"
"""The address that the API server advertises to Pods. There are none, but loopback is invalid."""

_SERVICES = "10.96.0.0/16"
_READY_SECONDS = 60.0


@dataclass(frozen=True)
class TemporaryControlPlane:
    """A running control plane: administrator's kubeconfig, matching kubectl, URL and logs."""

    kubeconfig: Path
    kubectl: Path
    url: str
    directory: Path


@contextmanager
def control_plane(
    *, controllers: bool = False, cache: Path | None = None, api_server_flags: Sequence[str] = ()
) -> Iterator[TemporaryControlPlane]:
    """Run etcd and kube-apiserver on free loopback ports for the block (ready in 3 s).

    Admission is configured as in the embedded cluster. With `controllers` the controller manager
    runs too (garbage collection, service accounts of new namespaces, quota usage).
    `api_server_flags` are added to kube-apiserver's flags. Root is not required if `cache` is
    writable or has the programs. Raises ClusterError with the last log lines if a program does not
    start.
    """
    wanted = (component("etcd"), component("kubernetes"))
    binaries = ensure_binaries(cache or Layout().cache, Console(), wanted)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloche-api-")))
        ports = _free_ports()
        plane = ControlPlane(
            pki=directory / "pki",
            kubeconfigs=directory / "kubeconfig",
            node_name="none",
            cluster_name="cloche-test",
            advertised=_ADVERTISED,
            endpoint="127.0.0.1",
            port=ports.api,
            version=kubernetes_version(),
            service_subnet=_SERVICES,
        )
        kubeadm = binaries.path("kubernetes", "kubeadm")
        ensure_pki(plane, kubeadm, directory / "kubeadm.yaml")
        admin = plane.kubeconfigs / "super-admin.conf"
        running = [
            stack.enter_context(_run(program, directory))
            for program in _programs(binaries, directory, plane, ports, api_server_flags)
        ]
        _wait_until_ready(running, directory, ports.api, plane.pki / "ca.crt")
        if controllers:
            manager = programs.kube_controller_manager(
                binaries.path("kubernetes", "kube-controller-manager"),
                plane.pki, _only_admin(directory, admin), ports, services=_SERVICES,
            )  # fmt: skip
            stack.enter_context(_run(manager, directory))
        url = f"https://127.0.0.1:{ports.api}"
        kubectl = binaries.path("kubernetes", "kubectl")
        yield TemporaryControlPlane(admin, kubectl, url, directory)


def _programs(
    binaries: Binaries,
    directory: Path,
    plane: ControlPlane,
    ports: Ports,
    api_server_flags: Sequence[str],
) -> tuple[Program, Program]:
    etcd = programs.etcd(binaries.path("etcd"), directory / "etcd", plane.pki, ports)
    where = programs.Endpoint("127.0.0.1", _ADVERTISED, _SERVICES)
    apiserver = programs.kube_apiserver(
        binaries.path("kubernetes", "kube-apiserver"), plane.pki, ports, where
    )
    return etcd, replace(apiserver, argv=(*apiserver.argv, *api_server_flags))


def _run(program: Program, directory: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run `program` for the block, with its output in a file named after it."""
    return running(program.argv, directory / f"{program.name}.log")


def _only_admin(directory: Path, admin: Path) -> Path:
    """Return a directory whose controller manager kubeconfig is the administrator's.

    The one that kubeadm writes uses the advertised address, on which nothing listens.
    """
    place = directory / "controllers"
    place.mkdir()
    (place / "controller-manager.conf").symlink_to(admin)
    return place


def _wait_until_ready(
    running: list[subprocess.Popen[bytes]], directory: Path, port: int, ca: Path
) -> None:
    def ready() -> bool:
        if any(process.poll() is not None for process in running):
            raise ClusterError(f"the control plane exited: {_last_lines(directory)}")
        return api_server_ready("127.0.0.1", port, ca)

    wait_until(
        ready, seconds=_READY_SECONDS, what="the API server did not become ready", interval=0.05
    )


def _last_lines(directory: Path) -> str:
    logs = sorted(directory.glob("*.log"))
    return "".join(f"\n{log.name}: …{log.read_text(errors='replace')[-600:]}" for log in logs)


def _free_ports() -> Ports:
    """Choose ports below the kernel's ephemeral range, so that no connection uses one."""
    names = Ports.__dataclass_fields__
    chosen: dict[str, int] = {}
    generator = random.SystemRandom()
    while len(chosen) < len(names):
        port = generator.randrange(20000, 30000)
        if port not in chosen.values() and _is_free(port):
            chosen[list(names)[len(chosen)]] = port
    return Ports(**chosen)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
