"""The addresses, ports and sizes of the embedded cluster: figures with their reasons."""

from __future__ import annotations

from dataclasses import dataclass

NODE_NAME = "cloche"
"""Fixed, so that the node stays the same when the machine's host name changes."""

CLUSTER_NAME = "cloche"
"""The cluster's name in the kubeconfig: the context is `kubernetes-admin@cloche`."""

NO_NETWORK = "cloche-no-network"
"""containerd's handler and the RuntimeClass for Pods without a network."""

SANDBOX_BRIDGE = "cloche-sbx0"
"""The bridge that leads nowhere; at most 15 characters (IFNAMSIZ)."""

CGROUP = "cloche"
"""Everything of the cluster runs below this control group, so that all of it can be found."""


GATEWAY_NODE_PORT = 30802
"""The Service's port on the node's address."""

GATEWAY_LOCAL_PORT = 8002
"""The gateway's port on localhost, as the documentation's examples have it."""


@dataclass(frozen=True)
class Addresses:
    """IPv4 only.

    The node's address is the cluster's own, on `lo`: it stays when the machine's network
    changes, and nothing outside the machine is told of it.
    """

    node: str = "10.99.0.1"
    pods: str = "10.244.0.0/24"
    sandboxes: str = "10.245.0.0/16"
    services: str = "10.96.0.0/16"
    dns: str = "10.96.0.10"


@dataclass(frozen=True)
class Ports:
    """None of Kubernetes' own ports, so that another cluster on the machine keeps them."""

    api: int = 16643
    etcd: int = 16379
    etcd_peer: int = 16380
    kubelet: int = 16250
    kubelet_health: int = 16248
    controller_manager: int = 16257
    scheduler: int = 16259
    proxy_health: int = 16256
    proxy_metrics: int = 16249
