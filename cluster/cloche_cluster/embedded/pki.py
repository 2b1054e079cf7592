"""Create certificates and kubeconfigs with kubeadm's phases."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from cloche_cluster.machine.command import run

if TYPE_CHECKING:
    from pathlib import Path

_DAYS = 3650
_VALIDITY = f"{24 * _DAYS}h"
"""Ten years, because nothing renews the certificates of an embedded cluster."""
KUBELET_KEY, KUBELET_CERTIFICATE = "kubelet.key", "kubelet.crt"
"""The file names of the kubelet's serving key and certificate."""

_ROOTS = (
    ("ca.key", "ca.crt"),
    ("front-proxy-ca.key", "front-proxy-ca.crt"),
    ("etcd/ca.key", "etcd/ca.crt"),
    ("sa.key", "sa.pub"),
)
"""Pairs that survive a change of the configuration, because clients and tokens depend on them."""


@dataclass(frozen=True)
class ControlPlane:
    """A control plane's settings for kubeadm.

    `advertised` is the address that Pods use, `endpoint` the one that clients use.
    """

    pki: Path
    kubeconfigs: Path
    node_name: str
    cluster_name: str
    advertised: str
    endpoint: str
    port: int
    version: str
    service_subnet: str


def kubeadm_config(plane: ControlPlane) -> str:
    """Return kubeadm's configuration (v1beta4) for `plane`."""
    version = "kubeadm.k8s.io/v1beta4"
    init = {
        "apiVersion": version,
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": plane.advertised, "bindPort": plane.port},
        "nodeRegistration": {
            "name": plane.node_name,
            "criSocket": "unix:///run/cloche/unused.sock",  # else kubeadm searches for a socket
        },
    }
    cluster = {
        "apiVersion": version,
        "kind": "ClusterConfiguration",
        "clusterName": plane.cluster_name,
        "kubernetesVersion": plane.version,  # else kubeadm queries the Internet
        "controlPlaneEndpoint": f"{plane.endpoint}:{plane.port}",
        "certificatesDir": str(plane.pki),
        # Each attach needs three TLS handshakes; an RSA signature takes about 3 ms of CPU time.
        "encryptionAlgorithm": "ECDSA-P256",
        "certificateValidityPeriod": _VALIDITY,
        "caCertificateValidityPeriod": _VALIDITY,
        "networking": {"serviceSubnet": plane.service_subnet},
        "apiServer": {"certSANs": ["localhost", "127.0.0.1"]},
    }
    return yaml.safe_dump_all([init, cluster], sort_keys=False)


def ensure_pki(plane: ControlPlane, kubeadm: Path, config: Path) -> None:
    """Create keys, certificates and kubeconfigs, unless they exist for this configuration.

    After a change of the configuration, or an interruption, all but the root pairs are created
    again.
    """
    text = kubeadm_config(plane)
    stamp = plane.pki / "made-for"
    digest = hashlib.sha256(text.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    plane.pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    plane.kubeconfigs.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_all_but_roots(plane)
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(text)
    init: list[str | Path] = [kubeadm, "init", "phase"]
    run([*init, "certs", "all", "--config", config], timeout=60)
    kubeconfig_dir: list[str | Path] = ["--kubeconfig-dir", plane.kubeconfigs]
    run([*init, "kubeconfig", "all", "--config", config, *kubeconfig_dir], timeout=60)
    proxy: list[str | Path] = [kubeadm, "kubeconfig", "user", "--client-name", "system:kube-proxy"]
    made = run([*proxy, "--config", config, "--validity-period", _VALIDITY], timeout=60)
    _write_secret(plane.kubeconfigs / "kube-proxy.conf", made)
    _make_kubelet_pair(plane)
    stamp.write_text(digest)


def _make_kubelet_pair(plane: ControlPlane) -> None:
    """Create the kubelet's serving pair; the one that the kubelet would create uses RSA."""
    run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", str(_DAYS), "-subj", f"/CN={plane.node_name}"),
            *("-addext", f"subjectAltName=DNS:{plane.node_name}"),
            *("-keyout", plane.pki / KUBELET_KEY, "-out", plane.pki / KUBELET_CERTIFICATE),
        ],
        timeout=60,
    )


def _remove_all_but_roots(plane: ControlPlane) -> None:
    """Remove half pairs too, left by an interruption: kubeadm would treat one as an external CA."""
    pairs = [{plane.pki / name for name in pair} for pair in _ROOTS]
    keep = {path for pair in pairs if all(one.exists() for one in pair) for path in pair}
    for path in (*plane.pki.rglob("*"), *plane.kubeconfigs.glob("*.conf")):
        if path.is_file() and path not in keep:
            path.unlink()


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
