from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cloche_cluster.embedded import pki
from cloche_cluster.embedded.pki import ControlPlane, ensure_pki, kubeadm_config


def plane(directory: Path, port: int = 16643) -> ControlPlane:
    return ControlPlane(
        pki=directory / "pki",
        kubeconfigs=directory / "kubeconfig",
        node_name="cloche",
        cluster_name="cloche",
        advertised="10.99.0.1",
        endpoint="10.99.0.1",
        port=port,
        version="v1.36.3",
        service_subnet="10.96.0.0/16",
    )


def test_the_kubeadm_configuration_sets_version_addresses_and_directory() -> None:
    init, cluster = yaml.safe_load_all(kubeadm_config(plane(Path("/s"))))
    assert init["localAPIEndpoint"] == {"advertiseAddress": "10.99.0.1", "bindPort": 16643}
    assert init["nodeRegistration"]["criSocket"]
    assert cluster["kubernetesVersion"] == "v1.36.3"
    assert cluster["controlPlaneEndpoint"] == "10.99.0.1:16643"
    assert cluster["certificatesDir"] == "/s/pki"


@pytest.fixture
def kubeadm(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The recorded calls of kubeadm, which creates nothing."""
    asked: list[list[str]] = []

    def run(argv: list[Any], **_: Any) -> str:
        asked.append([str(word) for word in argv])
        return "kind: Config\n"

    monkeypatch.setattr(pki, "run", run)
    return asked


def test_certificates_are_created_once_for_a_configuration(
    tmp_path: Path, kubeadm: list[list[str]]
) -> None:
    for _ in range(2):
        ensure_pki(plane(tmp_path), Path("kubeadm"), tmp_path / "config.yaml")
    phases = [" ".join(words[1:5]) for words in kubeadm]
    assert phases == [
        "init phase certs all",
        "init phase kubeconfig all",
        "kubeconfig user --client-name system:kube-proxy",
        "req -x509 -newkey ec",
    ]
    assert (tmp_path / "kubeconfig" / "kube-proxy.conf").stat().st_mode & 0o777 == 0o600


def test_another_configuration_keeps_only_complete_root_certificates(
    tmp_path: Path, kubeadm: list[list[str]]
) -> None:
    ensure_pki(plane(tmp_path), Path("kubeadm"), tmp_path / "config.yaml")
    made = tmp_path / "pki"
    (made / "etcd").mkdir()
    for name in ("ca.key", "ca.crt", "apiserver.crt", "etcd/ca.crt", "sa.key", "sa.pub"):
        (made / name).write_text(name)
    ensure_pki(plane(tmp_path, port=1), Path("kubeadm"), tmp_path / "config.yaml")
    left = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    assert left == {"ca.key", "ca.crt", "sa.key", "sa.pub", "made-for"}
    assert len(kubeadm) == 8
