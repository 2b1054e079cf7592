"""Certificates and kubeconfigs, made by kubeadm's phases."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from cloche_cluster.command import run

if TYPE_CHECKING:
    from pathlib import Path

_DAYS = 3650
_VALIDITY = f"{24 * _DAYS}h"
"""Ten years: nobody renews the certificates of an embedded cluster."""
KUBELET_KEY, KUBELET_CERTIFICATE = "kubelet.key", "kubelet.crt"
"""Names of the pair that the kubelet serves with."""

_ROOTS = (
    ("ca.key", "ca.crt"),
    ("front-proxy-ca.key", "front-proxy-ca.crt"),
    ("etcd/ca.key", "etcd/ca.crt"),
    ("sa.key", "sa.pub"),
)
"""Pairs that are kept when the configuration changes: clients and tokens trust them."""


@dataclass(frozen=True)
class ControlPlane:
    """What kubeadm must know of a control plane.

    `advertised` is the address that Pods are told, `endpoint` the one that clients use.
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
            "criSocket": "unix:///run/cloche/unused.sock",  # else kubeadm looks for one
        },
    }
    cluster = {
        "apiVersion": version,
        "kind": "ClusterConfiguration",
        "clusterName": plane.cluster_name,
        "kubernetesVersion": plane.version,  # else kubeadm asks the Internet
        "controlPlaneEndpoint": f"{plane.endpoint}:{plane.port}",
        "certificatesDir": str(plane.pki),
        # Each attach is three handshakes; to sign one with RSA takes some 3 ms of a processor.
        "encryptionAlgorithm": "ECDSA-P256",
        "certificateValidityPeriod": _VALIDITY,
        "caCertificateValidityPeriod": _VALIDITY,
        "networking": {"serviceSubnet": plane.service_subnet},
        "apiServer": {"certSANs": ["localhost", "127.0.0.1"]},
    }
    return yaml.safe_dump_all([init, cluster], sort_keys=False)


def ensure_pki(plane: ControlPlane, kubeadm: Path, config: Path) -> None:
    """Make keys, certificates and kubeconfigs, unless they were made for this configuration.

    When it changed, all but the roots are made again. Interrupted half-way, so is everything
    that was not finished.
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
    """What the kubelet serves with: it would make itself a pair with RSA."""
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
    """Half a pair, left by an interruption, goes too: kubeadm would take it for another's CA."""
    pairs = [{plane.pki / name for name in pair} for pair in _ROOTS]
    keep = {path for pair in pairs if all(one.exists() for one in pair) for path in pair}
    for path in (*plane.pki.rglob("*"), *plane.kubeconfigs.glob("*.conf")):
        if path.is_file() and path not in keep:
            path.unlink()


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
