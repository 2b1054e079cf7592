"""Which components there are, how each is built, and the name that its pins give it."""

from __future__ import annotations

import hashlib
import platform
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_cluster.embedded.layout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

COMPONENTS_DIRECTORY = REPOSITORY / "cluster" / "components"
"""A Go module for each component: go.mod and go.sum are the pins."""


@dataclass(frozen=True)
class Component:
    """One Go module of `cluster/components`: its programs are the `tool` lines of its go.mod.

    `module` is the one whose version is the component's version; `rename` gives a program
    another name than its package's last element.
    """

    name: str
    module: str
    cgo: bool = False
    tags: str = ""
    stamp: str = ""
    rename: tuple[tuple[str, str], ...] = ()


_KUBERNETES_STAMP = (
    "-X k8s.io/component-base/version.gitVersion={version} "
    "-X k8s.io/component-base/version.gitMajor={major} "
    "-X k8s.io/component-base/version.gitMinor={minor}"
)

COMPONENTS = (
    Component("etcd", "go.etcd.io/etcd/server/v3", rename=(("server", "etcd"),)),
    Component("runc", "github.com/opencontainers/runc", cgo=True, tags="seccomp"),
    Component(
        "containerd",
        "github.com/containerd/containerd/v2",
        tags="no_btrfs no_zfs no_devmapper",
    ),
    Component("cni", "github.com/containernetworking/plugins"),
    Component("kubernetes", "k8s.io/kubernetes", stamp=_KUBERNETES_STAMP),
    Component("helm", "helm.sh/helm/v4"),
    Component("coredns", "github.com/coredns/coredns"),
)
"""Everything that is built, the quick ones first so that a missing tool shows early."""

POLICY_ENGINE = Component(
    "network-policies",
    "sigs.k8s.io/kube-network-policies",
    rename=(("cmd", "kube-network-policies"),),
)
"""Built where a test asks for it, by `policy_engine`; no `up` does."""


@dataclass(frozen=True)
class Pin:
    """A component at the version that a checkout pins."""

    component: Component
    source: Path
    version: str
    go: str
    tools: tuple[str, ...]
    digest: str

    @property
    def directory(self) -> str:
        """The directory's name in the cache: another pin is another directory."""
        return f"{self.component.name}-{self.digest}"

    @property
    def programs(self) -> tuple[str, ...]:
        """The names of the programs, as they lie in the directory."""
        renamed = dict(self.component.rename)
        names = (_program(tool) for tool in self.tools)
        return tuple(renamed.get(name, name) for name in names)

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of `go build`, the same on every machine so that builds are repeatable."""
        major, minor = [*self.version.lstrip("v").split("."), "0"][:2]
        stamp = self.component.stamp.format(version=self.version, major=major, minor=minor)
        tags = ("-tags", self.component.tags) if self.component.tags else ()
        return ("-trimpath", *tags, "-ldflags", f"-s -w {stamp}".strip())


def read_pin(component: Component, components: Path) -> Pin:
    """Read the pin of `component` from its go.mod and go.sum below `components`."""
    source = components / component.name
    go_mod = (source / "go.mod").read_text()
    version = _required(rf"^\s*(?:require )?{re.escape(component.module)} (v\S+)", go_mod)
    pin = Pin(component, source, version, _required(r"^go (\S+)", go_mod), _tools(go_mod), "")
    recipe = "\0".join(
        [
            *pin.flags,
            str(component),
            platform.machine(),
            go_mod,
            (source / "go.sum").read_text(),
        ]
    )
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    return Pin(component, source, version, pin.go, pin.tools, digest)


def component(name: str) -> Component:
    """Return the component of this name."""
    return next(one for one in COMPONENTS if one.name == name)


def kubernetes_version() -> str:
    """Return the version of Kubernetes that this checkout pins, as `v1.36.3`."""
    return read_pin(component("kubernetes"), COMPONENTS_DIRECTORY).version


def _tools(go_mod: str) -> tuple[str, ...]:
    """Return the packages of go.mod's `tool` lines and blocks."""
    block = re.search(r"^tool \((.*?)^\)", go_mod, re.MULTILINE | re.DOTALL)
    single = re.findall(r"^tool ([^\s(]+)", go_mod, re.MULTILINE)
    return tuple((block.group(1).split() if block else []) + single)


def _program(package: str) -> str:
    """Return the name that `go build` gives a package's program: a version suffix is no name."""
    parts = package.split("/")
    return parts[-2] if re.fullmatch(r"v\d+", parts[-1]) else parts[-1]


def _required(pattern: str, go_mod: str) -> str:
    found = re.search(pattern, go_mod, re.MULTILINE)
    if not found:
        raise ValueError(f"go.mod has no line that matches {pattern}")
    return found.group(1)
