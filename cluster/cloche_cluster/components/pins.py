"""The components, how each is built, and the cache directory that its pins determine."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_cluster.machine.files import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COMPONENTS_DIRECTORY = REPOSITORY / "cluster" / "components"
"""The components' Go modules. Their go.mod and go.sum files are the pins."""

NODE_MODULE = "node"
"""The Go module of the components that share many packages.

All of them use one version of each package, so that no package is compiled twice.
"""

COMMON_FLAGS = ("-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false")
"""Flags of every build: reproducible on any machine, without debugging information.

Without DWARF the compilers need 12 % less CPU time (etcd, from an empty cache).
"""


@dataclass(frozen=True)
class Component:
    """A set of programs built from one Go module of `cluster/components`.

    Its programs are the `tool` lines of go.mod that belong to `module`, or `packages` of the Go
    module itself. The version of `module` is the component's version. `source` is the folder of the
    Go module (default: the component's name); `rename` maps program names that differ from the last
    element of their package's path.
    """

    name: str
    module: str
    source: str = ""
    packages: tuple[str, ...] = ()
    cgo: bool = False
    tags: str = ""
    stamp: str = ""
    rename: tuple[tuple[str, str], ...] = ()


_STRIPPED = "-s -w"
"""Linker flags that omit symbols and debugging information."""

_KUBERNETES_STAMP = (
    "-X k8s.io/component-base/version.gitVersion={version} "
    "-X k8s.io/component-base/version.gitMajor={major} "
    "-X k8s.io/component-base/version.gitMinor={minor}"
)

COREDNS = Component("coredns", "github.com/coredns/coredns", NODE_MODULE, packages=("./coredns",))
"""The cluster's DNS. Cloche and its programs do not use it, so it is built after the first
answer."""

COMPONENTS = (
    Component("etcd", "go.etcd.io/etcd/server/v3", NODE_MODULE, rename=(("server", "etcd"),)),
    Component(
        "containerd",
        "github.com/containerd/containerd/v2",
        NODE_MODULE,
        tags="no_btrfs no_zfs no_devmapper",
    ),
    Component("helm", "helm.sh/helm/v4", NODE_MODULE),
    Component("kubernetes", "k8s.io/kubernetes", NODE_MODULE, stamp=_KUBERNETES_STAMP),
    Component("cni", "github.com/containernetworking/plugins"),
    # The tags of runc's own static builds. Without the C versions of `net` and `os/user`, which it
    # does not need, runc shares most compiled packages with the other components.
    Component("runc", "github.com/opencontainers/runc", cgo=True, tags="netgo osusergo seccomp"),
)
"""The components that the cluster needs to start, the longest build first."""

POLICY_ENGINE = Component(
    "network-policies",
    "sigs.k8s.io/kube-network-policies",
    NODE_MODULE,
    rename=(("cmd", "kube-network-policies"),),
)
"""Built by `policy_engine` for tests only."""


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
        """The directory's name in the cache; another pin has another directory."""
        return f"{self.component.name}-{self.digest}"

    @property
    def programs(self) -> tuple[str, ...]:
        """The file names of the programs in the directory."""
        renamed = dict(self.component.rename)
        names = (_program(tool) for tool in self.tools)
        return tuple(renamed.get(name, name) for name in names)

    @property
    def link_flags(self) -> tuple[str, ...]:
        """Linker flags for this component's programs only."""
        if not self.component.stamp:
            return ()
        major, minor = [*self.version.lstrip("v").split("."), "0"][:2]
        stamp = self.component.stamp.format(version=self.version, major=major, minor=minor)
        return (f"-ldflags={self.component.module}/...={_STRIPPED} {stamp}",)


def build_flags(pins: Sequence[Pin]) -> tuple[str, ...]:
    """Return the flags of one `go build` for `pins`, which share a Go module."""
    tags = sorted({tag for pin in pins for tag in pin.component.tags.split()})
    with_tags = (f"-tags={','.join(tags)}",) if tags else ()
    stamps = tuple(flag for pin in pins for flag in pin.link_flags)
    return (*COMMON_FLAGS, *with_tags, f"-ldflags={_STRIPPED}", *stamps)


def read_pin(component: Component, components: Path) -> Pin:
    """Read the pin of `component` from its Go module below `components`."""
    source = components / (component.source or component.name)
    go_mod = (source / "go.mod").read_text()
    version = _required(rf"^\s*(?:require )?{re.escape(component.module)} (v\S+)", go_mod)
    tools = component.packages or _tools(go_mod, component.module)
    pin = Pin(component, source, version, _required(r"^go (\S+)", go_mod), tools, "")
    own = [path for package in component.packages for path in (source / package).glob("*.go")]
    recipe = "\0".join(
        [
            *build_flags([pin]),
            str(component),
            platform.machine(),
            go_mod,
            (source / "go.sum").read_text(),
            *(path.read_text() for path in sorted(own)),
        ]
    )
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    return dataclasses.replace(pin, digest=digest)


def component(name: str) -> Component:
    """Return the component of this name."""
    return next(one for one in COMPONENTS if one.name == name)


def kubernetes_version() -> str:
    """Return the pinned version of Kubernetes, such as `v1.36.3`."""
    return read_pin(component("kubernetes"), COMPONENTS_DIRECTORY).version


def _tools(go_mod: str, module: str) -> tuple[str, ...]:
    """Return the packages of `module` in go.mod's `tool` lines and blocks."""
    block = re.search(r"^tool \((.*?)^\)", go_mod, re.MULTILINE | re.DOTALL)
    single = re.findall(r"^tool ([^\s(]+)", go_mod, re.MULTILINE)
    named = (block.group(1).split() if block else []) + single
    return tuple(one for one in named if f"{one}/".startswith(f"{module}/"))


def _program(package: str) -> str:
    """Return the name that `go build` gives a package's program, skipping a version suffix."""
    parts = package.split("/")
    return parts[-2] if re.fullmatch(r"v\d+", parts[-1]) else parts[-1]


def _required(pattern: str, go_mod: str) -> str:
    found = re.search(pattern, go_mod, re.MULTILINE)
    if not found:
        raise ValueError(f"go.mod has no line that matches {pattern}")
    return found.group(1)
