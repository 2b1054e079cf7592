"""Write the embedded cluster's keys and configuration files, if they have changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING

from cloche_cluster.embedded import cgroups, mount_points, node_config, ports, supervisord
from cloche_cluster.embedded.pins import kubernetes_version
from cloche_cluster.embedded.pki import ControlPlane, ensure_pki
from cloche_cluster.embedded.process_table import Program, localhost_forward, process_table
from cloche_cluster.embedded.settings import CLUSTER_NAME, GATEWAY_LOCAL_PORT, NODE_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_cluster.embedded.build import Programs
    from cloche_cluster.embedded.context import Embedded
    from cloche_cluster.embedded.machine import Machine
    from cloche_cluster.embedded.node_images import NodeImage

_CONFIG_FILES = {
    "containerd": ("containerd.toml", "cni/cloche.conflist", "cni-no-network/cloche.conflist"),
    "kubelet": ("kubelet.yaml", "resolv.conf"),
    "kube-proxy": ("kube-proxy.yaml",),
}
"""The files that each program reads at start. A change restarts the program."""


def configure(cluster: Embedded, machine: Machine, programs: Programs, pause: NodeImage) -> None:
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
    ensure_pki(plane, programs.path("kubernetes", "kubeadm"), layout.config / "kubeadm.yaml")
    files = _files(cluster, machine, programs, pause)
    for name, text in files.items():
        supervisord.write_if_changed(layout.config / name, text)
    table = process_table(
        layout, programs, addresses, cluster.ports, may_raise_limits=machine.can_lower_oom_score
    )
    if not local_port_holder():
        table = (*table, localhost_forward(addresses))
    stamped = [_stamped(program, files, layout.pki) for program in table]
    conf = supervisord.render(stamped, layout)
    supervisord.write_if_changed(layout.supervisor_config, conf)


def local_port_holder() -> str | None:
    """Describe the foreign process that uses the gateway's port on localhost, or return None."""
    return ports.foreign_holder(GATEWAY_LOCAL_PORT, cgroups.members(cgroups.read_mounts()))


def _files(
    cluster: Embedded, machine: Machine, programs: Programs, pause: NodeImage
) -> dict[str, str]:
    """Return each configuration file by its path below the configuration directory."""
    layout, addresses = cluster.layout, cluster.addresses
    return {
        "kubelet.yaml": node_config.as_yaml(
            node_config.kubelet_config(layout, machine, addresses, cluster.ports)
        ),
        "kube-proxy.yaml": node_config.as_yaml(
            node_config.kube_proxy_config(layout, addresses, cluster.ports)
        ),
        "containerd.toml": node_config.containerd_config(layout, machine, programs, pause.name),
        "cni/cloche.conflist": json.dumps(node_config.pod_network(addresses, layout), indent=1),
        "cni-no-network/cloche.conflist": json.dumps(
            node_config.no_network(addresses, layout), indent=1
        ),
        "resolv.conf": node_config.resolv_conf(machine.nameservers),
    }


def _stamped(program: Program, files: dict[str, str], pki: Path) -> Program:
    """Set the program's stamp: a digest of the files that it reads at start, with certificates."""
    read = [files[name] for name in _CONFIG_FILES.get(program.name, ())]
    read.append((pki / "made-for").read_text())
    digest = hashlib.sha256("\0".join(read).encode()).hexdigest()[:12]
    return dataclasses.replace(program, stamp=digest)
