from __future__ import annotations

import pytest

from cloche_cluster.embedded.node import network
from cloche_cluster.embedded.ports import parse_listeners
from cloche_cluster.embedded.settings import SANDBOX_BRIDGE, Addresses

ADDRESSES = Addresses()


@pytest.mark.parametrize(
    ("destination", "device", "clash"),
    [
        ("10.0.0.0/8", "tun0", True),
        ("10.244.0.0/16", "eth1", True),
        ("10.99.0.0/24", "eth0", True),
        ("10.96.0.0/12", "wg0", True),
        ("192.168.1.0/24", "eth0", False),
        ("default", "eth0", False),
        ("10.244.0.7", "veth1", False),
        ("10.244.0.7", "if499", False),
        ("fd00::/8", "eth0", False),
    ],
)
def test_a_route_that_overlaps_the_clusters_networks_is_found(
    destination: str, device: str, *, clash: bool
) -> None:
    found = network.overlapping([{"dst": destination, "dev": device}], ADDRESSES)
    assert (found is not None) is clash
    assert found is None or device in found


def test_packets_from_the_bridge_of_an_earlier_version_are_dropped_before_routing() -> None:
    rules = network.ruleset(ADDRESSES)
    assert f'iifname "{SANDBOX_BRIDGE}" drop' in rules
    assert "hook prerouting priority raw" in rules
    assert "ip saddr 10.244.0.0/24" in rules


def test_loading_the_nftables_table_again_replaces_it() -> None:
    lines = network.ruleset(ADDRESSES).splitlines()
    assert lines[:2] == ["table inet cloche", "delete table inet cloche"]


def test_the_clusters_interfaces_are_pod_links_and_a_bridge_of_before_with_its_ports() -> None:
    links = [
        {"ifname": "lo"},
        {"ifname": SANDBOX_BRIDGE},
        {"ifname": "veth1", "master": SANDBOX_BRIDGE},
        {"ifname": "veth2"},
        {"ifname": "veth3", "master": "docker0"},
        {"ifname": "veth4"},
    ]
    routes = [
        {"dst": "default", "dev": "eth0"},
        {"dst": "10.244.0.9", "dev": "veth2"},
        {"dst": "172.17.0.4", "dev": "veth4"},
        {"dst": "10.244.0.1", "dev": "eth0"},
    ]
    assert network.select_links(links, routes, ADDRESSES) == {SANDBOX_BRIDGE, "veth1", "veth2"}


def test_listening_ports_are_read_from_proc() -> None:
    table = (
        "  sl  local_address rem_address   st tx rx tr tm retrnsmt uid timeout inode\n"
        "   0: 0100007F:1F42 00000000:0000 0A 00000000:00000000 00:00000000 0 0 0 4711 1\n"
        "   1: 0100007F:1F42 0100007F:9C40 01 00000000:00000000 00:00000000 0 0 0 4712 1\n"
    )
    (listener,) = parse_listeners(table)
    assert (listener.port, listener.inode) == (8002, "4711")
