"""Enforces NetworkPolicies in the embedded cluster while a block runs: its own network does not.

kube-network-policies judges the first packet of each connection, which netfilter hands to it. Its
own nftables rules for that need an expression (CONFIG_NFT_QUEUE) that not every kernel has, so
two rules of iptables hand the packets on, and its table is removed where it could make one.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloche_cluster.command import answers, run
from cloche_cluster.embedded.build import ensure_programs
from cloche_cluster.embedded.child import running
from cloche_cluster.embedded.packages import ensure_packages
from cloche_cluster.embedded.pins import POLICY_ENGINE, component
from cloche_cluster.embedded.settings import NODE_NAME
from cloche_cluster.embedded.up import kubectl
from cloche_cluster.errors import ClusterError
from cloche_cluster.wait import wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from cloche_cluster.embedded.context import Embedded
    from cloche_cluster.embedded.settings import Addresses
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
"""In a mount namespace of its own: the engine takes its credentials from a Pod's place alone."""
_CREDENTIALS = "/var/run/secrets/kubernetes.io/serviceaccount"


@contextmanager
def policy_engine(cluster: Embedded) -> Iterator[None]:
    """Run the engine within the block, built where the cache has none (seconds).

    Should it be killed, its table goes with the next one or with `make down`, and the queue lets
    everything pass. What a Pod sends to the node itself, the API server for one, is not judged,
    nor are sandboxes without a network. Raises ClusterError when it does not start.
    """
    ensure_packages(("iptables",), cluster.console)
    wanted = (POLICY_ENGINE, component("kubernetes"))
    programs = ensure_programs(cluster.layout.cache, cluster.console, wanted)
    engine = programs.path(POLICY_ENGINE.name, "kube-network-policies")
    admin = kubectl(cluster, programs)
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
    """Return the rules that hand over each connection of a Pod, addresses of Services translated.

    Who is not there to judge lets everything pass.
    """
    judged = ["-m", "conntrack", "--ctstate", "NEW", "-m", "comment", "--comment", _NAME]
    queue = ["-j", "NFQUEUE", "--queue-num", str(QUEUE), "--queue-bypass"]
    return [["POSTROUTING", flag, addresses.pods, *judged, *queue] for flag in ("-s", "-d")]


def remove_rules(addresses: Addresses) -> list[str]:
    """Take away what an engine had netfilter do; returns what was there, in words."""
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
    """Say whether a table, as `nft -j` lists it, is an empty one as iptables leaves behind."""
    return not any("rule" in one for one in json.loads(listing)["nftables"])


def _add_rules(addresses: Addresses) -> None:
    for rule in queue_rules(addresses):
        run(["iptables", "-w", "-t", "mangle", "-A", *rule], timeout=_TIMEOUT)


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    def listens() -> bool:
        if process.poll() is not None:
            said = log.read_text(errors="replace")[-600:]
            raise ClusterError(f"kube-network-policies ended at once: …{said}")
        queues = _QUEUES.read_text() if _QUEUES.exists() else ""
        return any(line.split()[0] == str(QUEUE) for line in queues.splitlines())

    wait_until(listens, seconds=_READY_SECONDS, what="kube-network-policies did not listen")


def _make_account(admin: Kubectl, cluster: Embedded, directory: Path) -> Path:
    """Make an account that may read what the engine reads, and return its credentials."""
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
