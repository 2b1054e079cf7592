"""kind, minikube and foreign clusters: the commands that are run, recorded by fake programs."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cloche_cluster import cli
from cloche_cluster.console import Console
from cloche_cluster.embedded.settings import Ports
from cloche_cluster.errors import ClusterError
from cloche_cluster.targets.choice import Kind, Target
from cloche_cluster.targets.local_tools import LocalToolCluster
from cloche_cluster.targets.port_forward import PortForward
from cloche_cluster.targets.selection import make_cluster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$(basename "$0") $*" in
    *"config view"*) echo 'kind: Config' ;;
    *"images list"*) printf 'docker.io/cloche/gateway:1\\n' ;;
esac
"""


@dataclass
class Tools:
    """A PATH on which every program only records its calls."""

    directory: Path

    def calls(self) -> list[str]:
        path = self.directory / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    for name in ("kind", "minikube", "docker", "kubectl", "helm"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(PROGRAM)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return Tools(tmp_path)


class Saver:
    """A builder of which only `save` and `push` are called."""

    def __init__(self) -> None:
        self.pushed: list[tuple[str, str]] = []

    def debian_id(self) -> str | None:
        raise NotImplementedError

    def has(self, reference: str) -> bool:
        raise NotImplementedError

    def references(self) -> set[str]:
        raise NotImplementedError

    def build(
        self,
        context: Path,
        dockerfile: Path,
        reference: str,
        arguments: Mapping[str, str],
        *,
        idle: bool = False,
    ) -> None:
        raise NotImplementedError

    def export(
        self, context: Path, dockerfile: Path, target: Path, arguments: Mapping[str, str]
    ) -> None:
        raise NotImplementedError

    def save(self, references: Iterable[str], archive: Path) -> None:
        archive.write_text("\n".join(references))

    def push(self, reference: str, target: str) -> None:
        self.pushed.append((reference, target))


def kind_cluster(tools: Tools, *, exists: bool) -> LocalToolCluster:
    target = Target(Kind.KIND, "cloche", "kind-cloche", exists)
    made = make_cluster(target, tools.directory / ".cloche", Console(stream=io.StringIO()))
    assert isinstance(made, LocalToolCluster)
    return made


def test_a_missing_kind_cluster_is_created_and_later_deleted(tools: Tools) -> None:
    access = kind_cluster(tools, exists=False).prepare()
    assert tools.calls()[0] == "kind create cluster --name cloche --wait 180s"
    assert access.kubeconfig.read_text() == "kind: Config\n"
    assert access.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert access.helm.name == "helm"
    gone = kind_cluster(tools, exists=True).remove()
    assert tools.calls()[-1] == "kind delete cluster --name cloche"
    assert gone == ["the kind cluster cloche"]


def test_an_existing_kind_cluster_is_not_deleted(tools: Tools) -> None:
    cluster = kind_cluster(tools, exists=True)
    cluster.prepare()
    assert cluster.remove() == []
    assert not [call for call in tools.calls() if "create" in call or "delete" in call]


def test_only_missing_images_are_loaded_into_kind(tools: Tools) -> None:
    cluster = kind_cluster(tools, exists=True)
    wanted = ["docker.io/cloche/gateway:1", "docker.io/cloche/operator:2"]
    missing = cluster.missing_images(wanted)
    assert missing == ["docker.io/cloche/operator:2"]
    cluster.load_images(Saver(), missing)
    assert tools.calls()[0].startswith("docker exec cloche-control-plane ctr")
    words = tools.calls()[-1].split()
    assert words[:3] == ["kind", "load", "image-archive"]
    assert words[4:] == ["--name", "cloche"]


def test_images_are_loaded_into_minikube_with_its_own_command(tools: Tools) -> None:
    target = Target(Kind.MINIKUBE, "minikube", "minikube")
    cluster = make_cluster(target, tools.directory, Console(stream=io.StringIO()))
    cluster.load_images(Saver(), ["docker.io/cloche/gateway:1"])
    assert tools.calls()[-1].startswith("minikube -p minikube image load /")


def test_network_policies_allow_the_embedded_clusters_api_server(tmp_path: Path) -> None:
    target = Target(Kind.EMBEDDED, "cloche", None)
    cluster = make_cluster(target, tmp_path, Console(stream=io.StringIO()))
    assert cluster.values()["networkPolicy"] == {"apiServer": {"ports": [443, Ports().api]}}


def test_a_foreign_cluster_requires_a_registry_before_any_command(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(Kind.FOREIGN, "production", "production")
    cluster = make_cluster(target, tools.directory, Console(stream=io.StringIO()))
    monkeypatch.delenv("REGISTRY", raising=False)
    with pytest.raises(ClusterError, match="REGISTRY="):
        cluster.prepare()
    assert tools.calls() == []


def test_images_for_a_foreign_cluster_are_pushed_to_the_registry(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(Kind.FOREIGN, "production", "production")
    cluster = make_cluster(target, tools.directory, Console(stream=io.StringIO()))
    monkeypatch.setenv("REGISTRY", "registry.example.com/team/")
    saver = Saver()
    cluster.load_images(saver, ["docker.io/cloche/gateway:1"])
    name = "registry.example.com/team/cloche/gateway:1"
    assert saver.pushed == [("docker.io/cloche/gateway:1", name)]
    assert cluster.values() == {"image": {"registry": "registry.example.com/team"}}


def test_a_pid_file_of_another_process_ends_no_process(tmp_path: Path) -> None:
    (tmp_path / "port-forward.pid").write_text("1\n")
    assert PortForward(tmp_path).stop() is False
    assert not (tmp_path / "port-forward.pid").exists()
    assert PortForward(tmp_path).stop() is False


@pytest.mark.parametrize("operation", ["up", "down"])
def test_the_embedded_cluster_without_root_is_a_one_line_error(
    operation: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cli.main(["--cluster", "embedded", operation]) == 1
    said = capsys.readouterr().err
    assert "the embedded cluster requires Linux and root: run `sudo make up`" in said
    assert said.count("\n") == 1
