"""Set up the cluster's address, nftables table and firewall rules on this machine."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloche_cluster.embedded.settings import SANDBOX_BRIDGE
from cloche_cluster.errors import ClusterError
from cloche_cluster.machine.command import answers, run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_cluster.embedded.settings import Addresses

TABLE = "cloche"
PROXY_TABLES = (("ip", "kube-proxy"), ("ip6", "kube-proxy"))
"""The tables that kube-proxy creates in nftables mode."""

OTHER_PROXY = (
    "another Kubernetes' kube-proxy uses nftables on this machine, and two of them remove each "
    "other's rules: install into that cluster (CLUSTER=current), or remove it and its tables "
    "(`nft delete table ip kube-proxy` and `nft delete table ip6 kube-proxy`)"
)
"""The message if another kube-proxy uses the tables that ours would use."""

_TIMEOUT = 20.0
_COMMENT = "cloche"


def ruleset(addresses: Addresses) -> str:
    """Return the cluster's nftables table; loading it again replaces it.

    Packets of Pods that leave the machine get the machine's address. Sandbox Pods have no
    interface. Those that an earlier version started have one: their packets are dropped where they
    enter the machine.
    """
    return f"""table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
    chain entering {{
        type filter hook prerouting priority raw; policy accept;
        iifname "{SANDBOX_BRIDGE}" drop
    }}
    chain leaving {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {addresses.pods} ip daddr != {{ {addresses.pods}, {addresses.node} }} masquerade
    }}
}}
"""


_REMOVED = re.compile(r"if\d+")
"""What `ip` prints for an interface that was removed after its route was read, as of a Pod."""


def overlapping(routes: Iterable[dict[str, Any]], addresses: Addresses) -> str | None:
    """Return the first of the machine's networks that overlaps with the cluster's, or None.

    `routes` is the output of `ip -json route`. The cluster's own routes (its Pods' interfaces,
    single addresses) and the default route are skipped.
    """
    ours = [
        ipaddress.ip_network(one)
        for one in (addresses.pods, addresses.sandboxes, addresses.services, addresses.node)
    ]
    for route in routes:
        device = route.get("dev", "")
        own = device.startswith(("veth", "cloche")) or _REMOVED.fullmatch(device)
        if own or route["dst"] == "default":
            continue
        network = ipaddress.ip_network(route["dst"], strict=False)
        if network.version == 4 and any(network.overlaps(one) for one in ours):  # noqa: PLR2004
            return f"{network} on {device or 'an unknown interface'}"
    return None


def overlap(addresses: Addresses) -> str | None:
    """Return a sentence about a conflicting network of the machine; None if there is none.

    If `ip` is not installed yet, nothing is found; `prepare` checks again.
    """
    routes = json.loads(answers(["ip", "-json", "route"], timeout=_TIMEOUT) or "[]")
    clash = overlapping(routes, addresses)
    if clash is None:
        return None
    return (
        f"the machine's network {clash} overlaps with the embedded cluster's ({addresses.pods}, "
        f"{addresses.sandboxes}, {addresses.services}, {addresses.node}): remove that route, or "
        "use another cluster (CLUSTER=…)"
    )


def prepare(addresses: Addresses) -> None:
    """Set up address and table, and firewall exceptions if forwarding is denied.

    Raises ClusterError if one of the machine's own networks conflicts.
    """
    clash = overlap(addresses)
    if clash:
        raise ClusterError(clash)
    run(["ip", "address", "replace", f"{addresses.node}/32", "dev", "lo"], timeout=_TIMEOUT)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    run(["nft", "-f", "-"], stdin=ruleset(addresses), timeout=_TIMEOUT)
    _let_pods_through(addresses)
    _remove_unused_bridge()


def _remove_unused_bridge() -> None:
    """Remove the bridge of an earlier version once no Pod is connected to it.

    Without the bridge, their packets would reach the machine, because the rule drops them by its
    name.
    """
    ports = Path(f"/sys/class/net/{SANDBOX_BRIDGE}/brif")
    if ports.is_dir() and not any(ports.iterdir()):
        answers(["ip", "link", "delete", SANDBOX_BRIDGE], timeout=_TIMEOUT)


def _forward_rules(addresses: Addresses) -> list[list[str]]:
    comment = ["-m", "comment", "--comment", _COMMENT, "-j", "ACCEPT"]
    return [["FORWARD", flag, addresses.pods, *comment] for flag in ("-s", "-d")]


def _let_pods_through(addresses: Addresses) -> None:
    """Accept forwarded packets of Pods if Docker drops them; no other table can override it."""
    policy = answers(["iptables", "-w", "-S", "FORWARD"], timeout=_TIMEOUT) or ""
    if "-P FORWARD DROP" not in policy:
        return
    for rule in _forward_rules(addresses):
        if answers(["iptables", "-w", "-C", *rule], timeout=_TIMEOUT) is None:
            run(["iptables", "-w", "-I", *rule], timeout=_TIMEOUT)


def remove(addresses: Addresses) -> list[str]:
    """Undo the setup, and return descriptions of what was removed."""
    gone: list[str] = []
    gone.extend(
        f"nftables table {family} {table}"
        for family, table in (("inet", TABLE), *PROXY_TABLES)
        if _did("nft", "delete", "table", family, table)
    )
    if _COMMENT in (answers(["iptables", "-w", "-S", "FORWARD"], timeout=_TIMEOUT) or ""):
        gone.extend(
            f"iptables rule {' '.join(rule[:3])}"
            for rule in _forward_rules(addresses)
            if _did("iptables", "-w", "-D", *rule)
        )
    gone.extend(
        f"interface {link}"
        for link in sorted(_links(addresses))
        if _did("ip", "link", "delete", link)
    )
    if _did("ip", "address", "delete", f"{addresses.node}/32", "dev", "lo"):
        gone.append(f"address {addresses.node}")
    return gone


def has_proxy_tables() -> bool:
    """Return whether kube-proxy's nftables tables, ours or another's, are on this machine."""
    return any(_did("nft", "list", "table", *table) for table in PROXY_TABLES)


def _did(*words: str) -> bool:
    return answers(words, timeout=_TIMEOUT) is not None


def _links(addresses: Addresses) -> set[str]:
    """Return the cluster's interfaces: those to Pod addresses, a bridge of before and its ports."""
    links = json.loads(answers(["ip", "-json", "link"], timeout=_TIMEOUT) or "[]")
    routes = json.loads(answers(["ip", "-json", "route"], timeout=_TIMEOUT) or "[]")
    return select_links(links, routes, addresses)


def select_links(
    links: Iterable[dict[str, Any]], routes: Iterable[dict[str, Any]], addresses: Addresses
) -> set[str]:
    """Select the cluster's interfaces from the output of `ip -json link` and `ip -json route`."""
    pods = ipaddress.ip_network(addresses.pods)
    ours = {
        link["ifname"] for link in links if SANDBOX_BRIDGE in (link["ifname"], link.get("master"))
    }
    for route in routes:
        if route["dst"] != "default" and route.get("dev", "").startswith("veth"):
            address = ipaddress.ip_interface(route["dst"]).ip
            if address in pods:
                ours.add(route["dev"])
    return ours
