"""Enforce NetworkPolicies in the embedded cluster during a block; its network does not do so.

kube-network-policies decides on the first packet of each connection, which it gets from netfilter.
Its own nftables rules need an expression (CONFIG_NFT_QUEUE) that some kernels lack. Two iptables
rules queue the packets instead, and any table that it creates is removed.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloche_cluster.components.build import ensure_binaries
from cloche_cluster.components.pins import POLICY_ENGINE, component
from cloche_cluster.embedded.settings import NODE_NAME
from cloche_cluster.embedded.up import kubectl
from cloche_cluster.errors import ClusterError
from cloche_cluster.machine.apt import ensure_packages
from cloche_cluster.machine.command import answers, run, running, wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from cloche_cluster.embedded.settings import Addresses, Embedded
    from cloche_cluster.kubectl import Kubectl

QUEUE = 4711
"""The netfilter queue; the engine's own default is 100."""

_METRICS = "127.0.0.1:16260"
_NAME = "cloche-network-policies"
_PLACE = {"name": _NAME, "namespace": "kube-system"}
_TABLE = ("inet", "kube-network-policies")
_MANGLE = ("ip", "mangle")
_QUEUES = Path("/proc/net/netfilter/nfnetlink_queue")
_RBAC = "rbac.authorization.k8s.io"
_READY_SECONDS = 30.0
_TIMEOUT = 20.0

_AS_IN_A_POD = (
    'mount -t tmpfs tmpfs /run && mkdir -p "${0%/*}" && cp -r "$1" "$0" && shift && exec "$@"'
)
"""Runs in a separate mount namespace: the engine reads credentials only from a Pod's path."""
_CREDENTIALS = "/var/run/secrets/kubernetes.io/serviceaccount"


@contextmanager
def policy_engine(cluster: Embedded) -> Iterator[None]:
    """Run the engine for the block, built if the cache lacks it (seconds).

    If it is killed, the queue accepts all packets, and the next start or `make down` removes its
    table. Traffic from Pods to the node itself (such as the API server) is not filtered, nor are
    sandboxes without a network. Raises ClusterError if it does not start.
    """
    ensure_packages(("iptables",), cluster.console)
    wanted = (POLICY_ENGINE, component("kubernetes"))
    binaries = ensure_binaries(cluster.layout.cache, cluster.console, wanted)
    engine = binaries.path(POLICY_ENGINE.name, "kube-network-policies")
    admin = kubectl(cluster, binaries)
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="cloche-policies-"))
        directory = Path(place)
        stack.callback(_remove_account, admin)
        credentials = _make_account(admin, cluster, directory / "credentials")
        address = (
            f"KUBERNETES_SERVICE_HOST={cluster.addresses.node}",
            f"KUBERNETES_SERVICE_PORT={cluster.ports.api}",
        )
        flags = (
            f"--hostname-override={NODE_NAME}",
            f"--nfqueue-id={QUEUE}",
            f"--metrics-bind-address={_METRICS}",
            "--fail-open",
        )
        log = directory / "engine.log"
        in_a_pod = ("unshare", "--mount", "--propagation", "private", "sh", "-c", _AS_IN_A_POD)
        remove_rules(cluster.addresses)
        stack.callback(remove_rules, cluster.addresses)
        argv = (*in_a_pod, _CREDENTIALS, credentials, "env", *address, engine, *flags)
        process = stack.enter_context(running(argv, log))
        _wait_until_ready(process, log)
        _add_rules(cluster.addresses)
        yield


def queue_rules(addresses: Addresses) -> list[list[str]]:
    """Return the rules that queue each new connection of a Pod, after Service translation.

    Without an engine on the queue, all packets are accepted.
    """
    judged = ["-m", "conntrack", "--ctstate", "NEW", "-m", "comment", "--comment", _NAME]
    queue = ["-j", "NFQUEUE", "--queue-num", str(QUEUE), "--queue-bypass"]
    return [["POSTROUTING", flag, addresses.pods, *judged, *queue] for flag in ("-s", "-d")]


def remove_rules(addresses: Addresses) -> list[str]:
    """Remove the engine's netfilter rules, and return descriptions of them."""
    gone = [
        f"iptables rule {' '.join(rule[:3])}"
        for rule in queue_rules(addresses)
        if answers(["iptables", "-w", "-t", "mangle", "-D", *rule], timeout=_TIMEOUT) is not None
    ]
    listing = answers(["nft", "-j", "list", "table", *_MANGLE], timeout=_TIMEOUT)
    if gone and listing and has_no_rule(listing):
        answers(["nft", "delete", "table", *_MANGLE], timeout=_TIMEOUT)
    if answers(["nft", "delete", "table", *_TABLE], timeout=_TIMEOUT) is not None:
        gone.append(f"nftables table {' '.join(_TABLE)}")
    return gone


def has_no_rule(listing: str) -> bool:
    """Return whether a table, as listed by `nft -j`, is an empty one that iptables left behind."""
    return not any("rule" in one for one in json.loads(listing)["nftables"])


def _add_rules(addresses: Addresses) -> None:
    for rule in queue_rules(addresses):
        run(["iptables", "-w", "-t", "mangle", "-A", *rule], timeout=_TIMEOUT)


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    def listens() -> bool:
        if process.poll() is not None:
            output = log.read_text(errors="replace")[-600:]
            raise ClusterError(f"kube-network-policies exited: …{output}")
        queues = _QUEUES.read_text() if _QUEUES.exists() else ""
        return any(line.split()[0] == str(QUEUE) for line in queues.splitlines())

    wait_until(listens, seconds=_READY_SECONDS, what="kube-network-policies did not listen")


def _make_account(admin: Kubectl, cluster: Embedded, directory: Path) -> Path:
    """Create a service account with the engine's read access, and return its credentials."""
    admin.apply(_objects())
    directory.mkdir(mode=0o700)
    token = ("create", "token", _NAME, "-n", _PLACE["namespace"], "--duration=1h")
    (directory / "token").write_text(admin.run(*token).strip())
    (directory / "ca.crt").write_bytes((cluster.layout.pki / "ca.crt").read_bytes())
    return directory


def _remove_account(admin: Kubectl) -> None:
    admin.run("delete", "--ignore-not-found", f"clusterrolebinding/{_NAME}", f"clusterrole/{_NAME}")
    admin.run("delete", "--ignore-not-found", "serviceaccount", _NAME, "-n", _PLACE["namespace"])


def _objects() -> list[dict[str, Any]]:
    rules = [
        {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["list", "watch"]},
        {
            "apiGroups": ["networking.k8s.io"],
            "resources": ["networkpolicies"],
            "verbs": ["list", "watch"],
        },
    ]
    meta = {"name": _NAME}
    role = {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": meta, "rules": rules}
    binding = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": meta,
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": _NAME},
        "subjects": [{"kind": "ServiceAccount", **_PLACE}],
    }
    return [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _PLACE}, role, binding]
