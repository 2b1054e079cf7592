"""The programs that supervisord runs, with their command lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_cluster.components.build import MACHINE_PATH
from cloche_cluster.embedded.settings import GATEWAY_LOCAL_PORT, GATEWAY_NODE_PORT, NODE_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_cluster.components.build import Binaries
    from cloche_cluster.embedded.layout import Layout
    from cloche_cluster.embedded.settings import Addresses, Ports

_RARELY = 300
"""GOGC of the programs that work for every request and every Pod. With Go's default of 100, a fifth
of the API server's CPU time was garbage collection (profiled at 30 executions a second)."""
_FIRST = -10
"""Niceness of the programs that answer requests. The kubelet, containerd and runc, which use both
CPUs for half a second to start a Pod, yield to them. kubeadm uses CPU requests for this purpose."""
ETCD_QUOTA_BYTES = 2 * 1024**3
"""etcd rejects writes beyond this size; the limit for stored executions is far lower."""


@dataclass(frozen=True)
class Program:
    """One program under supervisord.

    `stamp` is a digest of its files; a change restarts it.

    `path` is its PATH; the machine's by default.

    `priority` orders starting (low first) and stopping (high first).

    `heap_growth` is Go's GOGC: how far the heap may grow before the next collection, in percent of
    what is in use.

    `niceness` is nice(1)'s, -20 to 19; low values have priority. If it may not be set, it stays 0.
    """

    name: str
    argv: tuple[str, ...]
    priority: int
    stop_seconds: int = 10
    stamp: str = ""
    path: str = MACHINE_PATH
    heap_growth: int = 100
    niceness: int = 0


def etcd(binary: Path, data: Path, pki: Path, ports: Ports) -> Program:
    """Return etcd. It uses mutual TLS even on loopback, because etcd contains every Secret."""
    client = f"https://127.0.0.1:{ports.etcd}"
    peer = f"https://127.0.0.1:{ports.etcd_peer}"
    tls = pki / "etcd"
    return Program(
        "etcd",
        (
            str(binary),
            f"--name={NODE_NAME}",
            f"--data-dir={data}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster={NODE_NAME}={peer}",
            f"--cert-file={tls}/server.crt",
            f"--key-file={tls}/server.key",
            f"--trusted-ca-file={tls}/ca.crt",
            "--client-cert-auth",
            f"--peer-cert-file={tls}/peer.crt",
            f"--peer-key-file={tls}/peer.key",
            f"--peer-trusted-ca-file={tls}/ca.crt",
            "--peer-client-cert-auth",
            f"--quota-backend-bytes={ETCD_QUOTA_BYTES}",
            "--auto-compaction-mode=periodic",
            "--auto-compaction-retention=5m",
            "--log-level=warn",
        ),
        priority=10,
        heap_growth=_RARELY,
        niceness=_FIRST,
    )


@dataclass(frozen=True)
class Endpoint:
    """The API server's addresses: the one that it binds, and the one that it advertises to Pods.

    The latter must not be loopback. `services` is the Services' network.
    """

    bind: str
    advertised: str
    services: str


def kube_apiserver(binary: Path, pki: Path, ports: Ports, where: Endpoint) -> Program:
    """Return the API server."""
    return Program(
        "kube-apiserver",
        (
            str(binary),
            f"--advertise-address={where.advertised}",
            f"--bind-address={where.bind}",
            f"--secure-port={ports.api}",
            f"--etcd-servers=https://127.0.0.1:{ports.etcd}",
            f"--etcd-cafile={pki}/etcd/ca.crt",
            f"--etcd-certfile={pki}/apiserver-etcd-client.crt",
            f"--etcd-keyfile={pki}/apiserver-etcd-client.key",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            f"--client-ca-file={pki}/ca.crt",
            f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
            f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
            "--kubelet-preferred-address-types=InternalIP",
            f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
            f"--proxy-client-key-file={pki}/front-proxy-client.key",
            f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            f"--service-cluster-ip-range={where.services}",
            "--authorization-mode=Node,RBAC",
            # Added to the default plugins, which include PodSecurity, ResourceQuota, LimitRanger,
            # RuntimeClass, Priority and ValidatingAdmissionPolicy.
            "--enable-admission-plugins=NodeRestriction",
            "--profiling=false",
        ),
        priority=20,
        stop_seconds=20,
        heap_growth=_RARELY,
        niceness=_FIRST,
    )


def kube_controller_manager(
    binary: Path, pki: Path, kubeconfigs: Path, ports: Ports, *, services: str
) -> Program:
    """Return the controller manager. There is only one, so it needs no leader election."""
    config = kubeconfigs / "controller-manager.conf"
    return Program(
        "kube-controller-manager",
        (
            str(binary),
            "--bind-address=127.0.0.1",
            f"--secure-port={ports.controller_manager}",
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
            f"--client-ca-file={pki}/ca.crt",
            f"--root-ca-file={pki}/ca.crt",
            f"--cluster-signing-cert-file={pki}/ca.crt",
            f"--cluster-signing-key-file={pki}/ca.key",
            f"--service-account-private-key-file={pki}/sa.key",
            f"--service-cluster-ip-range={services}",
            f"--flex-volume-plugin-dir={kubeconfigs.parent}/flex-volumes",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--kube-api-qps=100",  # garbage collection deletes the Pods of many executions
            "--kube-api-burst=200",
            "--profiling=false",
        ),
        priority=30,
    )


def kube_scheduler(binary: Path, kubeconfigs: Path, ports: Ports) -> Program:
    """Return the scheduler. There is only one, so it needs no leader election."""
    config = kubeconfigs / "scheduler.conf"
    return Program(
        "kube-scheduler",
        (
            str(binary),
            "--bind-address=127.0.0.1",
            f"--secure-port={ports.scheduler}",
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--leader-elect=false",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--profiling=false",
        ),
        priority=30,
    )


def containerd(binary: Path, layout: Layout, path: str, *, unlimited: bool) -> Program:
    """Return containerd, which finds shims and runc on `path`. Shims outlive its restarts.

    With `unlimited` it has no limits of message queues and pending signals, which root may lift.
    The kernel counts those of all Pods with user namespaces against containerd's limits.
    """
    limits = ("prlimit", "--msgqueue=unlimited", "--sigpending=unlimited") if unlimited else ()
    return Program(
        "containerd",
        (
            *limits,
            str(binary),
            "--config",
            str(layout.config / "containerd.toml"),
            "--log-level",
            "warn",
        ),
        priority=20,
        stop_seconds=20,
        path=path,
        heap_growth=_RARELY,
    )


def kubelet(binary: Path, layout: Layout, addresses: Addresses) -> Program:
    """Return the kubelet."""
    return Program(
        "kubelet",
        (
            str(binary),
            f"--config={layout.config / 'kubelet.yaml'}",
            f"--kubeconfig={layout.kubeconfigs / 'kubelet.conf'}",
            f"--root-dir={layout.kubelet}",
            f"--cert-dir={layout.kubelet / 'pki'}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={addresses.node}",
        ),
        priority=40,
        stop_seconds=20,
        heap_growth=_RARELY,
    )


def kube_proxy(binary: Path, layout: Layout) -> Program:
    """Return kube-proxy."""
    return Program(
        "kube-proxy",
        (
            str(binary),
            f"--config={layout.config / 'kube-proxy.yaml'}",
            f"--hostname-override={NODE_NAME}",
        ),
        priority=40,
    )


def localhost_forward(addresses: Addresses) -> Program:
    """Return the relay from localhost to the gateway's NodePort, which does not serve localhost."""
    return Program(
        "localhost-forward",
        (
            "/usr/bin/socat",
            "-b32768",  # large requests take a quarter of the calls that its default takes
            f"TCP-LISTEN:{GATEWAY_LOCAL_PORT},bind=127.0.0.1,reuseaddr,fork,backlog=512,nodelay",
            f"TCP:{addresses.node}:{GATEWAY_NODE_PORT},nodelay",
        ),
        priority=50,
    )


def cluster_programs(
    layout: Layout,
    binaries: Binaries,
    addresses: Addresses,
    ports: Ports,
    *,
    may_raise_limits: bool = False,
) -> tuple[Program, ...]:
    """Return all programs of the cluster. `may_raise_limits`: we have CAP_SYS_RESOURCE."""

    def kubernetes(name: str) -> Path:
        return binaries.path("kubernetes", name)

    where = Endpoint(addresses.node, addresses.node, addresses.services)
    return (
        etcd(binaries.path("etcd"), layout.state / "etcd", layout.pki, ports),
        containerd(
            binaries.path("containerd"), layout, binaries.search_path, unlimited=may_raise_limits
        ),
        kube_apiserver(kubernetes("kube-apiserver"), layout.pki, ports, where),
        kube_controller_manager(
            kubernetes("kube-controller-manager"), layout.pki, layout.kubeconfigs, ports,
            services=addresses.services,
        ),
        kube_scheduler(kubernetes("kube-scheduler"), layout.kubeconfigs, ports),
        kubelet(kubernetes("kubelet"), layout, addresses),
        kube_proxy(kubernetes("kube-proxy"), layout),
    )  # fmt: skip
