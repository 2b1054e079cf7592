"""Configuration files of the node's programs: pure functions of layout and machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from cloche_cluster.embedded.node.cgroups import RESERVED_PIDS
from cloche_cluster.embedded.pki import KUBELET_CERTIFICATE, KUBELET_KEY
from cloche_cluster.embedded.settings import NO_NETWORK

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_cluster.components.build import Binaries
    from cloche_cluster.embedded.layout import Layout
    from cloche_cluster.embedded.settings import Addresses, Ports
    from cloche_cluster.machine.facts import Machine

POD_PIDS = 1024
"""Maximum processes of one Pod: the limit for fork bombs, regardless of their uids."""

MAX_PODS = 250
"""Maximum Pods of the node. The default network has 253 addresses."""


def kubelet_config(
    layout: Layout, machine: Machine, addresses: Addresses, ports: Ports
) -> dict[str, Any]:
    """Return the KubeletConfiguration."""
    config: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": addresses.node,
        "port": ports.kubelet,
        "healthzPort": ports.kubelet_health,
        "tlsCertFile": str(layout.pki / KUBELET_CERTIFICATE),
        "tlsPrivateKeyFile": str(layout.pki / KUBELET_KEY),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "clusterDNS": [addresses.dns],
        "clusterDomain": "cluster.local",
        "resolvConf": str(layout.config / "resolv.conf"),
        "podLogsDir": str(layout.log / "pods"),
        "volumePluginDir": str(layout.kubelet / "volume-plugins"),
        "cgroupDriver": "cgroupfs",  # works with cgroup v1 and v2, without systemd
        "cgroupRoot": "/cloche",
        "makeIPTablesUtilChains": False,  # unused here, and they would outlive the cluster
        "failSwapOn": False,
        "maxPods": MAX_PODS,
        "podPidsLimit": POD_PIDS,
        "systemReserved": {"pid": str(RESERVED_PIDS)},
        "singleProcessOOMKill": True,  # kill only the program, so that its supervisor can report it
        "serializeImagePulls": False,
        "kubeAPIQPS": 200,  # the defaults delay some 100 Pods that start at once
        "kubeAPIBurst": 400,
        "imageGCHighThresholdPercent": 100,  # never remove images: they could not be pulled again
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
    }
    if not machine.cgroup_v2:
        config["failCgroupV1"] = False
        config["enforceNodeAllocatable"] = []
        del config["singleProcessOOMKill"]  # the kernel behaves like this on v1
    if not machine.can_lower_oom_score:
        config["oomScoreAdj"] = 0
    return config


def kube_proxy_config(layout: Layout, addresses: Addresses, ports: Ports) -> dict[str, Any]:
    """Return the KubeProxyConfiguration: nftables, with the machine's conntrack unchanged."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "bindAddress": addresses.node,
        "healthzBindAddress": f"127.0.0.1:{ports.proxy_health}",
        "metricsBindAddress": f"127.0.0.1:{ports.proxy_metrics}",
        "clientConnection": {"kubeconfig": str(layout.kubeconfigs / "kube-proxy.conf")},
        "clusterCIDR": addresses.pods,
        "nodePortAddresses": [f"{addresses.node}/32"],
        "oomScoreAdj": 0,
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }


def pod_network(addresses: Addresses, layout: Layout) -> dict[str, Any]:
    """Return the CNI configuration of ordinary Pods: a routed pair of interfaces for each.

    Routed rather than bridged, so that replies between Pods through a Service return by way of the
    host, which translated the address. The table of `network.ruleset` masquerades packets that
    leave the machine.
    """
    ptp = {
        "type": "ptp",
        "ipam": _host_local(addresses.pods, layout, [{"dst": "0.0.0.0/0"}]),
    }
    return {"cniVersion": "1.0.0", "name": "cloche", "plugins": [ptp]}


def no_network(addresses: Addresses, layout: Layout) -> dict[str, Any]:
    """Return the CNI configuration of sandbox Pods: an address, and no interface.

    The kubelet requires an address for each Pod, and containerd only that a plugin returns one.
    host-local, which allocates the addresses for other plugins, is the only plugin here.
    containerd brings `lo` up (`use_internal_loopback`).
    """
    addressing = {
        "type": "host-local",
        "ipam": _host_local(addresses.sandboxes, layout, []),
    }
    return {"cniVersion": "1.0.0", "name": NO_NETWORK, "plugins": [addressing]}


def _host_local(subnet: str, layout: Layout, routes: list[dict[str, str]]) -> dict[str, Any]:
    ipam: dict[str, Any] = {
        "type": "host-local",
        "ranges": [[{"subnet": subnet}]],
        "dataDir": str(layout.run / "cni"),  # the leases are removed with the Pods' sandboxes
    }
    return {**ipam, "routes": routes} if routes else ipam


def containerd_config(
    layout: Layout, machine: Machine, binaries: Binaries, crun: Path | None, pause_image: str
) -> str:
    """Return containerd's configuration (version 4) with separate sockets, roots and CNI paths.

    Sandbox Pods, which have no network, run with `crun` if there is one, and the others with runc.
    """
    runc = binaries.path("runc")
    cni_bin = binaries.directories["cni"]
    socket = layout.containerd_socket
    return f"""version = 4
root = {_quoted(layout.state / "containerd")}
state = {_quoted(layout.run / "containerd")}
imports = []
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.monitor.task.v1.cgroups"]

[plugins.'io.containerd.server.v1.grpc']
  address = {_quoted(socket)}
[plugins.'io.containerd.server.v1.ttrpc']
  address = {_quoted(f"{socket}.ttrpc")}
[plugins.'io.containerd.shim.v1.manager']
  socket_dir = {_quoted(layout.run / "s")}
[plugins.'io.containerd.internal.v1.opt']
  path = {_quoted(layout.state / "containerd-opt")}

[timeouts]
  # A containerd that starts again kills a container whose shim does not answer in time: its default
  # of 5 s is little on a busy machine.
  'io.containerd.timeout.shim.load' = "60s"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = {_quoted(pause_image)}

[plugins.'io.containerd.cri.v1.runtime']
  # Without CAP_SYS_RESOURCE the score cannot be lowered, and runc fails.
  restrict_oom_score_adj = {str(not machine.can_lower_oom_score).lower()}
  netns_mounts_under_state_dir = true
  cdi_spec_dirs = []
  # No component reads them, because the kubelet uses cAdvisor's. By default every shim reads its
  # control group each second, which took 6 % of 2 cores with 22 Pods.
  stats_collect_period = "60s"
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = [{_quoted(cni_bin)}]
  conf_dir = {_quoted(layout.config / "cni")}
  max_conf_num = 1
  use_internal_loopback = true
[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = "runc"
{_runtime("runc", runc, layout, None)}
{_runtime(NO_NETWORK, crun or runc, layout, layout.config / "cni-no-network")}"""


def _runtime(name: str, program: Path, layout: Layout, cni: Path | None) -> str:
    table = f"plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{name}"
    own_cni = f"  cni_conf_dir = {_quoted(cni)}\n  cni_max_conf_num = 1\n" if cni else ""
    return f"""[{table}]
  runtime_type = "io.containerd.runc.v2"
{own_cni}[{table}.options]
  BinaryName = {_quoted(program)}
  Root = {_quoted(layout.run / program.name)}
  SystemdCgroup = false
"""


def _quoted(value: object) -> str:
    """Return a TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(str(value))


def resolv_conf(nameservers: tuple[str, ...]) -> str:
    """Return the Pods' resolv.conf."""
    return "".join(f"nameserver {server}\n" for server in nameservers)


def as_yaml(document: dict[str, Any]) -> str:
    """Return `document` as YAML in its own order."""
    return yaml.safe_dump(document, sort_keys=False)
