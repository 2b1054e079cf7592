"""Names, addresses and ports of the embedded cluster, with their reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cloche_cluster.embedded.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_cluster.console import Console

NODE_NAME = "cloche"
"""Fixed, so that the node keeps its name when the machine's host name changes."""

CLUSTER_NAME = "cloche"
"""The cluster's name in the kubeconfig: the context is `kubernetes-admin@cloche`."""

NO_NETWORK = "cloche-no-network"
"""containerd's handler and the RuntimeClass for Pods without a network."""

SANDBOX_BRIDGE = "cloche-sbx0"
"""The bridge of the sandbox Pods that an earlier version started, which had interfaces."""

CGROUP = "cloche"
"""The cgroup of all the cluster's processes, through which they can be found."""

GATEWAY_NODE_PORT = 30802
"""The Service's port on the node's address."""

GATEWAY_LOCAL_PORT = 8002
"""The gateway's port on localhost, as in the documentation's examples."""


@dataclass(frozen=True)
class Addresses:
    """IPv4 only.

    The node's address is an additional one on `lo`: it does not change with the machine's network,
    and is not announced outside the machine.
    """

    node: str = "10.99.0.1"
    pods: str = "10.244.0.0/24"
    sandboxes: str = "10.245.0.0/16"
    services: str = "10.96.0.0/16"
    dns: str = "10.96.0.10"


@dataclass(frozen=True)
class Ports:
    """These differ from Kubernetes' default ports, which another cluster on the machine may use."""

    api: int = 16643
    etcd: int = 16379
    etcd_peer: int = 16380
    kubelet: int = 16250
    kubelet_health: int = 16248
    controller_manager: int = 16257
    scheduler: int = 16259
    proxy_health: int = 16256
    proxy_metrics: int = 16249


@dataclass(frozen=True)
class Embedded:
    """The embedded cluster of this machine: paths, addresses and ports."""

    console: Console
    layout: Layout = field(default_factory=Layout)
    addresses: Addresses = field(default_factory=Addresses)
    ports: Ports = field(default_factory=Ports)

    @property
    def lock(self) -> Path:
        """The lock that `up` and `down` hold."""
        return self.layout.run / "lock"
