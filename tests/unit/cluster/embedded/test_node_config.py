from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from cloche_cluster.components.build import Binaries
from cloche_cluster.embedded import addons
from cloche_cluster.embedded.layout import Layout
from cloche_cluster.embedded.node import config as node_config
from cloche_cluster.embedded.settings import Addresses, Ports
from cloche_cluster.machine.facts import Machine, has_capability, usable_nameservers

LAYOUT = Layout(Path("/c"), Path("/s"), Path("/r"), Path("/l"))
V1 = Machine(cgroup_v2=False, can_lower_oom_score=False, nameservers=())
V2 = Machine(cgroup_v2=True, can_lower_oom_score=True, nameservers=("192.0.2.53",))
PROGRAMS = Binaries({"runc": Path("/c/bin/runc-1"), "cni": Path("/c/bin/cni-1")})
CRUN = Path("/c/bin/crun-1/crun")


def kubelet(machine: Machine) -> dict[str, Any]:
    return node_config.kubelet_config(LAYOUT, machine, Addresses(), Ports())


def containerd(machine: Machine, crun: Path | None = CRUN) -> dict[str, Any]:
    text = node_config.containerd_config(LAYOUT, machine, PROGRAMS, crun, "localhost/pause:1")
    plugins: dict[str, Any] = tomllib.loads(text)["plugins"]
    return plugins


def test_the_kubelet_is_configured_to_run_on_cgroup_v1() -> None:
    config = kubelet(V1)
    assert config["failCgroupV1"] is False
    assert config["enforceNodeAllocatable"] == []
    assert config["oomScoreAdj"] == 0


def test_the_kubelet_on_cgroup_v2_has_the_defaults() -> None:
    config = kubelet(V2)
    assert not {"failCgroupV1", "enforceNodeAllocatable", "oomScoreAdj"} & set(config)
    assert config["singleProcessOOMKill"] is True


@pytest.mark.parametrize("machine", [V1, V2])
def test_the_kubelet_uses_the_clusters_own_cgroup_socket_and_limits(machine: Machine) -> None:
    config = kubelet(machine)
    assert config["cgroupRoot"] == "/cloche"
    assert config["containerRuntimeEndpoint"] == "unix:///r/containerd/containerd.sock"
    assert config["podPidsLimit"] == 1024
    assert config["systemReserved"] == {"pid": "2000"}
    assert config["authentication"]["anonymous"]["enabled"] is False
    assert config["address"] == Addresses().node


def test_only_the_handler_without_network_has_its_own_cni_directory() -> None:
    runtimes = containerd(V1)["io.containerd.cri.v1.runtime"]["containerd"]["runtimes"]
    assert set(runtimes) == {"runc", "cloche-no-network"}
    assert "cni_conf_dir" not in runtimes["runc"]
    assert runtimes["cloche-no-network"]["cni_conf_dir"] == "/s/config/cni-no-network"


def test_sandbox_pods_run_with_crun_and_the_others_with_runc() -> None:
    runtimes = containerd(V1)["io.containerd.cri.v1.runtime"]["containerd"]["runtimes"]
    programs = {name: one["options"]["BinaryName"] for name, one in runtimes.items()}
    assert programs == {"runc": "/c/bin/runc-1/runc", "cloche-no-network": str(CRUN)}
    assert len({one["options"]["Root"] for one in runtimes.values()}) == 2


def test_without_crun_all_pods_run_with_runc() -> None:
    runtimes = containerd(V1, crun=None)["io.containerd.cri.v1.runtime"]["containerd"]["runtimes"]
    assert set(runtimes) == {"runc", "cloche-no-network"}
    assert {one["options"]["BinaryName"] for one in runtimes.values()} == {"/c/bin/runc-1/runc"}


def test_containerd_uses_the_clusters_own_directories() -> None:
    plugins = containerd(V1)
    assert plugins["io.containerd.server.v1.grpc"]["address"] == "/r/containerd/containerd.sock"
    images = plugins["io.containerd.cri.v1.images"]
    assert images["pinned_images"]["sandbox"] == "localhost/pause:1"
    assert plugins["io.containerd.cri.v1.runtime"]["cni"]["bin_dirs"] == ["/c/bin/cni-1"]


@pytest.mark.parametrize(("machine", "restricted"), [(V1, True), (V2, False)])
def test_containerd_lowers_oom_scores_only_where_root_can(
    machine: Machine, *, restricted: bool
) -> None:
    runtime = containerd(machine)["io.containerd.cri.v1.runtime"]
    assert runtime["restrict_oom_score_adj"] is restricted


def test_containerd_collects_container_stats_every_minute() -> None:
    runtime = containerd(V1)["io.containerd.cri.v1.runtime"]
    assert runtime["stats_collect_period"] == "60s"


def test_a_sandbox_pod_gets_an_address_without_an_interface_and_without_a_route() -> None:
    (plugin,) = node_config.no_network(Addresses(), LAYOUT)["plugins"]
    assert plugin["type"] == plugin["ipam"]["type"] == "host-local"
    assert plugin["ipam"]["ranges"] == [[{"subnet": "10.245.0.0/16"}]]
    assert "routes" not in plugin["ipam"]


def test_containerd_brings_up_the_loopback_interface_of_each_pod() -> None:
    assert containerd(V1)["io.containerd.cri.v1.runtime"]["cni"]["use_internal_loopback"] is True


def test_the_network_of_an_ordinary_pod_has_a_default_route() -> None:
    (plugin,) = node_config.pod_network(Addresses(), LAYOUT)["plugins"]
    assert plugin["type"] == "ptp"
    assert plugin["ipam"]["routes"] == [{"dst": "0.0.0.0/0"}]
    assert plugin["ipam"]["ranges"] == [[{"subnet": "10.244.0.0/24"}]]


def test_kube_proxy_changes_no_conntrack_setting_of_the_machine() -> None:
    config = node_config.kube_proxy_config(LAYOUT, Addresses(), Ports())
    assert config["mode"] == "nftables"
    assert config["conntrack"]["maxPerCore"] == 0
    assert config["nodePortAddresses"] == ["10.99.0.1/32"]


def test_coredns_forwards_only_if_the_machine_has_a_name_server() -> None:
    assert "forward" not in addons.corefile(())
    assert "forward . /etc/resolv.conf" in addons.corefile(("192.0.2.53",))


def test_name_servers_on_loopback_are_ignored() -> None:
    text = "search x\nnameserver 127.0.0.53\nnameserver 192.0.2.53\nnameserver ::1\n"
    assert usable_nameservers(text) == ("192.0.2.53",)
    assert node_config.resolv_conf(("192.0.2.53",)) == "nameserver 192.0.2.53\n"


def test_capabilities_are_read_from_the_effective_set() -> None:
    status = "CapPrm:\t000001ffffffffff\nCapEff:\t000001fffeffffff\n"
    assert has_capability(status, 24) is False
    assert has_capability(status, 23) is True
    assert has_capability("", 23) is False
