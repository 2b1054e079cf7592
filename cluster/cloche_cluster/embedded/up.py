"""Brings the embedded cluster up, from nothing, from a crash, or to a newer configuration."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.embedded import (
    addons,
    cgroups,
    network,
    node_config,
    ports,
    supervisord,
    sweep,
    sysctls,
)
from cloche_cluster.embedded.build import Programs, ensure_programs
from cloche_cluster.embedded.layout import Layout
from cloche_cluster.embedded.machine import Machine, is_linux_root, read_machine
from cloche_cluster.embedded.node_images import NodeImages, ensure_node_images, image_store
from cloche_cluster.embedded.packages import NODE, ensure_packages
from cloche_cluster.embedded.pins import kubernetes_version
from cloche_cluster.embedded.pki import ControlPlane, ensure_pki
from cloche_cluster.embedded.process_table import Program, process_table
from cloche_cluster.embedded.readiness import api_server_ready
from cloche_cluster.embedded.settings import CLUSTER_NAME, NODE_NAME, Addresses, Ports
from cloche_cluster.errors import ClusterError, CommandError
from cloche_cluster.kubectl import Kubectl
from cloche_cluster.wait import wait_until

if TYPE_CHECKING:
    from cloche_cluster.console import Console

_API_SECONDS = 90.0
_NODE_SECONDS = 120.0
_DNS_SECONDS = 120.0

_CONFIG_FILES = {
    "containerd": ("containerd.toml", "cni/cloche.conflist", "cni-no-network/cloche.conflist"),
    "kubelet": ("kubelet.yaml", "resolv.conf"),
    "kube-proxy": ("kube-proxy.yaml",),
}
"""The files that each program reads at its start: a change restarts it."""


@dataclass(frozen=True)
class Embedded:
    """The embedded cluster of this machine: where things are, which addresses and ports."""

    console: Console
    layout: Layout = field(default_factory=Layout)
    addresses: Addresses = field(default_factory=Addresses)
    ports: Ports = field(default_factory=Ports)


def require_linux_root() -> None:
    """Raise ClusterError, in one line, where the embedded cluster cannot run."""
    if not is_linux_root():
        raise ClusterError(
            "the embedded cluster needs Linux and root: run `sudo make up`, "
            "or use CLUSTER=kind or CLUSTER=minikube"
        )


def up(cluster: Embedded) -> Programs:
    """Bring the cluster up and return its programs. The lock is held by the caller.

    Every step looks at what is there, so that an interrupted `up` is taken on where it was.
    """
    ensure_packages(NODE, cluster.console)
    programs = ensure_programs(cluster.layout.cache, cluster.console)
    images = ensure_node_images(cluster.layout.cache, programs)
    environment = supervisord.ensure_environment(cluster.layout.cache, cluster.console)
    supervisor = supervisord.Supervisor(cluster.layout, environment)
    machine = read_machine()
    running = supervisor.is_running()
    if not running:
        _clean_start(cluster)
    _configure(cluster, machine, programs, images)
    network.prepare(cluster.addresses)
    if running:
        supervisor.update()
    else:
        cluster.console.step("starting the embedded cluster …")
        supervisor.start(cgroups.prepare(cgroups.read_mounts()))
    _wait_for_api(cluster, supervisor)
    _prepare_inside(cluster, programs, images, machine)
    return programs


def kubectl(cluster: Embedded, programs: Programs) -> Kubectl:
    """Return kubectl as the administrator."""
    return Kubectl(programs.path("kubernetes", "kubectl"), cluster.layout.admin)


def _clean_start(cluster: Embedded) -> None:
    """Remove what a crash left, and see that nobody else has the ports."""
    swept = sweep.sweep(cluster.layout)
    if swept.processes or swept.mounts or swept.cgroups:
        cluster.console.step(f"swept what an earlier run left: {swept}")
    ports.check_free(cluster.ports)
    sysctls.record(cluster.layout.state / "sysctls.json")


def _configure(cluster: Embedded, machine: Machine, programs: Programs, images: NodeImages) -> None:
    """Write keys, certificates and every configuration file."""
    layout, addresses = cluster.layout, cluster.addresses
    for directory in (layout.state, layout.pki, layout.state / "etcd"):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for directory in (layout.kubelet, layout.log / "containers", layout.run / "s"):
        directory.mkdir(parents=True, exist_ok=True)
    _ensure_mount_points(layout)
    plane = ControlPlane(
        pki=layout.pki,
        kubeconfigs=layout.kubeconfigs,
        node_name=NODE_NAME,
        cluster_name=CLUSTER_NAME,
        advertised=addresses.node,
        endpoint=addresses.node,
        port=cluster.ports.api,
        version=kubernetes_version(),
        service_subnet=addresses.services,
    )
    ensure_pki(plane, programs.path("kubernetes", "kubeadm"), layout.config / "kubeadm.yaml")
    files = {
        "kubelet.yaml": node_config.as_yaml(
            node_config.kubelet_config(layout, machine, addresses, cluster.ports)
        ),
        "kube-proxy.yaml": node_config.as_yaml(
            node_config.kube_proxy_config(layout, addresses, cluster.ports)
        ),
        "containerd.toml": node_config.containerd_config(layout, machine, programs, images.pause),
        "cni/cloche.conflist": json.dumps(node_config.pod_network(addresses, layout), indent=1),
        "cni-no-network/cloche.conflist": json.dumps(
            node_config.no_network(addresses, layout), indent=1
        ),
        "resolv.conf": node_config.resolv_conf(machine.nameservers),
    }
    for name, text in files.items():
        supervisord.write_if_changed(layout.config / name, text)
    table = process_table(layout, programs, addresses, cluster.ports)
    stamped = [_stamped(program, files, layout.pki) for program in table]
    conf = supervisord.render(stamped, layout, programs.search_path)
    supervisord.write_if_changed(layout.supervisor_config, conf)


def _stamped(program: Program, files: dict[str, str], pki: Path) -> Program:
    """Give `program` the digest of what it reads at its start, certificates included."""
    read = [files[name] for name in _CONFIG_FILES.get(program.name, ())]
    read.append((pki / "made-for").read_text())
    digest = hashlib.sha256("\0".join(read).encode()).hexdigest()[:12]
    return dataclasses.replace(program, stamp=digest)


MOUNT_POINTS = ("/var/lib/kubelet", "/var/log/containers")
"""Directories fixed in the kubelet; its mount namespace has the cluster's own ones there."""


def _ensure_mount_points(layout: Layout) -> None:
    """Make the mount points, and note those that were absent, for `down` to remove."""
    made = layout.state / "made-directories"
    for point in MOUNT_POINTS:
        place = Path(point)
        if not place.exists():
            with made.open("a") as notes:
                notes.write(f"{point}\n")
            place.mkdir(parents=True)


def _wait_for_api(cluster: Embedded, supervisor: supervisord.Supervisor) -> None:
    ca = cluster.layout.pki / "ca.crt"
    try:
        wait_until(
            lambda: api_server_ready(cluster.addresses.node, cluster.ports.api, ca),
            seconds=_API_SECONDS,
            what="the API server did not answer",
        )
    except ClusterError as error:
        states = "".join(f"\n    {name}: {state}" for name, state in supervisor.states().items())
        raise ClusterError(f"{error}; logs are in {cluster.layout.log}{states}") from None
    cluster.console.step("the API server answers")


def _prepare_inside(
    cluster: Embedded, programs: Programs, images: NodeImages, machine: Machine
) -> None:
    """Apply what every cluster needs, import the node's images, and wait until it is ready."""
    super_admin = cluster.layout.kubeconfigs / "super-admin.conf"
    first = Kubectl(programs.path("kubernetes", "kubectl"), super_admin)
    dns = addons.dns(images.coredns, cluster.addresses, machine.nameservers)
    first.apply([*addons.access(), addons.runtime_class(), *dns])
    store = image_store(programs, cluster.layout)
    wait_until(cluster.layout.containerd_socket.exists, seconds=30, what="containerd did not start")
    there = store.names()
    for name, archive in images.archives.items():
        if name not in there:
            store.load(archive)
    admin = kubectl(cluster, programs)
    _wait_for(admin, "node", NODE_NAME, "--for=condition=Ready", _NODE_SECONDS)
    cluster.console.step("the node is ready")
    rollout = ("rollout", "status", "-n", "kube-system", "deployment/coredns")
    admin.run(*rollout, f"--timeout={_DNS_SECONDS:.0f}s", timeout=_DNS_SECONDS + 10)
    cluster.console.step("the cluster's DNS answers")


def _wait_for(admin: Kubectl, kind: str, name: str, condition: str, seconds: float) -> None:
    """Wait for a condition of an object that may not be there yet."""

    def holds() -> bool:
        try:
            admin.run("wait", kind, name, condition, "--timeout=5s")
        except CommandError:
            return False
        return True

    wait_until(holds, seconds=seconds, what=f"{kind} {name} is not ready: waited")


def remove_made_directories(layout: Layout) -> None:
    """Remove the mount points that `up` made, where they are empty."""
    notes = layout.state / "made-directories"
    if not notes.exists():
        return
    for line in notes.read_text().splitlines():
        place = Path(line)
        if place.is_dir() and not any(place.iterdir()):
            shutil.rmtree(place)
