"""Write the embedded cluster's keys and configuration files, if they have changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING

from cloche_cluster.components.pins import kubernetes_version
from cloche_cluster.embedded import ports, supervisord
from cloche_cluster.embedded.node import cgroups, config, mount_points
from cloche_cluster.embedded.pki import ControlPlane, ensure_pki
from cloche_cluster.embedded.programs import Program, cluster_programs, localhost_forward
from cloche_cluster.embedded.settings import CLUSTER_NAME, GATEWAY_LOCAL_PORT, NODE_NAME
from cloche_cluster.machine.files import write_if_changed

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_cluster.components.build import Binaries
    from cloche_cluster.embedded.node.image_store import NodeImage
    from cloche_cluster.embedded.settings import Embedded
    from cloche_cluster.machine.facts import Machine

_CONFIG_FILES = {
    "containerd": ("containerd.toml", "cni/cloche.conflist", "cni-no-network/cloche.conflist"),
    "kubelet": ("kubelet.yaml", "resolv.conf"),
    "kube-proxy": ("kube-proxy.yaml",),
}
"""The files that each program reads at start. A change restarts the program."""


def configure(
    cluster: Embedded, machine: Machine, binaries: Binaries, crun: Path | None, pause: NodeImage
) -> None:
    """Write keys, certificates and all configuration files."""
    layout, addresses = cluster.layout, cluster.addresses
    for directory in (layout.state, layout.pki, layout.state / "etcd"):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    (layout.run / "s").mkdir(parents=True, exist_ok=True)
    mount_points.ensure(layout)
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
    ensure_pki(plane, binaries.path("kubernetes", "kubeadm"), layout.config / "kubeadm.yaml")
    files = _files(cluster, machine, binaries, crun, pause)
    for name, text in files.items():
        write_if_changed(layout.config / name, text)
    table = cluster_programs(
        layout, binaries, addresses, cluster.ports, may_raise_limits=machine.can_lower_oom_score
    )
    if not local_port_holder():
        table = (*table, localhost_forward(addresses))
    stamped = [_stamped(program, files, layout.pki) for program in table]
    conf = supervisord.render(stamped, layout)
    write_if_changed(layout.supervisor_config, conf)


def local_port_holder() -> str | None:
    """Describe the foreign process that uses the gateway's port on localhost, or return None."""
    return ports.foreign_holder(GATEWAY_LOCAL_PORT, cgroups.members(cgroups.read_mounts()))


def _files(
    cluster: Embedded, machine: Machine, binaries: Binaries, crun: Path | None, pause: NodeImage
) -> dict[str, str]:
    """Return each configuration file by its path below the configuration directory."""
    layout, addresses = cluster.layout, cluster.addresses
    return {
        "kubelet.yaml": config.as_yaml(
            config.kubelet_config(layout, machine, addresses, cluster.ports)
        ),
        "kube-proxy.yaml": config.as_yaml(
            config.kube_proxy_config(layout, addresses, cluster.ports)
        ),
        "containerd.toml": config.containerd_config(layout, machine, binaries, crun, pause.name),
        "cni/cloche.conflist": json.dumps(config.pod_network(addresses, layout), indent=1),
        "cni-no-network/cloche.conflist": json.dumps(
            config.no_network(addresses, layout), indent=1
        ),
        "resolv.conf": config.resolv_conf(machine.nameservers),
    }


def _stamped(program: Program, files: dict[str, str], pki: Path) -> Program:
    """Set the program's stamp: a digest of the files that it reads at start, with certificates."""
    read = [files[name] for name in _CONFIG_FILES.get(program.name, ())]
    read.append((pki / "made-for").read_text())
    digest = hashlib.sha256("\0".join(read).encode()).hexdigest()[:12]
    return dataclasses.replace(program, stamp=digest)
