from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from support.data.documents import section, tables
from support.data.names import ROOT

from cloche_cluster.components import crun
from cloche_cluster.components.build import Binaries
from cloche_cluster.components.go import go_is_enough
from cloche_cluster.components.pins import (
    COMPONENTS,
    COMPONENTS_DIRECTORY,
    COREDNS,
    NODE_MODULE,
    POLICY_ENGINE,
    SYFT,
    Component,
    build_flags,
    kubernetes_version,
    read_pin,
)

if TYPE_CHECKING:
    from pathlib import Path

GO_MOD = """module example

go 1.26.0

tool (
\texample.org/thing/cmd/one
\texample.org/thing/server/v3
)

require example.org/thing v2.3.4 // indirect
"""
THING = Component("thing", "example.org/thing", rename=(("server", "etcd"),))


def write_pin(root: Path, go_mod: str = GO_MOD, go_sum: str = "sum") -> None:
    (root / "thing").mkdir(exist_ok=True)
    (root / "thing" / "go.mod").write_text(go_mod)
    (root / "thing" / "go.sum").write_text(go_sum)


def test_a_pin_is_read_from_go_mod(tmp_path: Path) -> None:
    write_pin(tmp_path)
    pin = read_pin(THING, tmp_path)
    assert (pin.version, pin.go) == ("v2.3.4", "1.26.0")
    assert pin.tools == ("example.org/thing/cmd/one", "example.org/thing/server/v3")
    assert pin.programs == ("one", "etcd")
    assert pin.directory == f"thing-{pin.digest}"


def test_another_pin_checksum_or_flag_is_another_directory(tmp_path: Path) -> None:
    write_pin(tmp_path)
    digests = {read_pin(THING, tmp_path).digest, read_pin(THING, tmp_path).digest}
    assert len(digests) == 1
    digests.add(read_pin(Component("thing", "example.org/thing", tags="x"), tmp_path).digest)
    digests.add(read_pin(Component("thing", "example.org/thing", cgo=True), tmp_path).digest)
    write_pin(tmp_path, go_sum="another")
    digests.add(read_pin(THING, tmp_path).digest)
    write_pin(tmp_path, GO_MOD.replace("v2.3.4", "v2.3.5"))
    digests.add(read_pin(THING, tmp_path).digest)
    assert len(digests) == 5


def test_a_single_tool_line_of_go_mod_is_read(tmp_path: Path) -> None:
    write_pin(tmp_path, "go 1.26\n\ntool example.org/thing\n\nrequire example.org/thing v1.0.0\n")
    assert read_pin(THING, tmp_path).programs == ("thing",)


def test_a_go_mod_without_the_components_module_is_an_error(tmp_path: Path) -> None:
    write_pin(tmp_path, GO_MOD.replace("example.org/thing v2", "example.org/other v2"))
    with pytest.raises(ValueError, match="no line that matches"):
        read_pin(THING, tmp_path)


def test_the_documented_versions_are_the_pinned_ones() -> None:
    (table,) = tables(section("docs/design/cluster.md", "## Versions"))
    documented = {re.split(r"[:, ]", row[0])[0]: (row[1], row[2]) for row in table}
    pinned = {}
    for one in (*COMPONENTS, COREDNS, POLICY_ENGINE, SYFT):
        pin = read_pin(one, COMPONENTS_DIRECTORY)
        pinned[one.name] = (pin.version.removeprefix("v"), pin.source.name)
    (supervisor,) = re.findall(
        r"^supervisor==(\S+)", (ROOT / "cluster" / "requirements.txt").read_text(), re.MULTILINE
    )
    assert documented == pinned | {"crun": (crun.VERSION, ""), "supervisor": (supervisor, "")}


def test_each_component_of_the_repository_has_its_programs() -> None:
    components = (*COMPONENTS, COREDNS)
    found = {one.name: set(read_pin(one, COMPONENTS_DIRECTORY).programs) for one in components}
    assert found["etcd"] == {"etcd"}
    assert found["cni"] == {"host-local", "ptp"}
    assert found["containerd"] >= {"containerd", "containerd-shim-runc-v2", "ctr"}
    assert found["kubernetes"] >= {"kube-apiserver", "kubelet", "kubeadm", "kubectl"}
    assert found["helm"] == {"helm"}
    assert found["coredns"] == {"coredns"}


def test_kubernetes_is_built_with_its_version() -> None:
    kubernetes = next(one for one in COMPONENTS if one.name == "kubernetes")
    flags = build_flags([read_pin(kubernetes, COMPONENTS_DIRECTORY)])
    major, minor, _ = kubernetes_version().removeprefix("v").split(".")
    assert flags[-1].startswith("-ldflags=k8s.io/kubernetes/...=-s -w ")
    assert f"gitVersion={kubernetes_version()} " in flags[-1]
    assert f"gitMajor={major} " in flags[-1]
    assert flags[-1].endswith(f"gitMinor={minor}")


def test_components_of_one_go_module_are_built_with_combined_flags() -> None:
    shared = [one for one in COMPONENTS if one.source == NODE_MODULE]
    flags = build_flags([read_pin(one, COMPONENTS_DIRECTORY) for one in shared])
    assert "-tags=no_btrfs,no_devmapper,no_zfs" in flags
    assert flags[-2:-1] == ("-ldflags=-s -w",)  # Go uses the last flag that matches a package


def test_a_component_has_only_its_own_tools_of_a_shared_go_module(tmp_path: Path) -> None:
    write_pin(tmp_path, GO_MOD.replace("\n)\n", "\n\texample.org/thing2/cmd/other\n)\n", 1))
    assert read_pin(THING, tmp_path).programs == ("one", "etcd")


def test_a_program_of_the_repository_is_pinned_by_its_source(tmp_path: Path) -> None:
    write_pin(tmp_path)
    own = Component("thing", "example.org/thing", packages=("./small",))
    (tmp_path / "thing" / "small").mkdir()
    main = tmp_path / "thing" / "small" / "main.go"
    main.write_text("package main")
    before = read_pin(own, tmp_path)
    assert before.programs == ("small",)
    main.write_text("package main // changed")
    assert read_pin(own, tmp_path).digest != before.digest


@pytest.mark.parametrize(
    ("installed", "wanted", "toolchain", "enough"),
    [
        ("go1.26.8", "1.26.0", "local", True),
        ("go1.26.8", "1.26.9", "local", False),
        ("go1.22.1", "1.26.0", "auto", True),
        ("go1.22.1", "1.26.0", "local", False),
        ("go1.22.1", "1.26.0", "local+path", False),
        ("go1.19.8", "1.26.0", "auto", False),
        ("go1.27rc1", "1.26.6", "local", True),
    ],
)
def test_the_go_version_is_sufficient_or_can_be_fetched(
    installed: str, wanted: str, toolchain: str, *, enough: bool
) -> None:
    assert go_is_enough(installed, wanted, toolchain) is enough


def test_the_clusters_programs_precede_the_machines_in_the_search_path(tmp_path: Path) -> None:
    programs = Binaries({"runc": tmp_path / "runc-1", "containerd": tmp_path / "containerd-2"})
    assert programs.path("runc") == tmp_path / "runc-1" / "runc"
    assert programs.search_path.startswith(f"{tmp_path}/containerd-2:{tmp_path}/runc-1:/usr")
