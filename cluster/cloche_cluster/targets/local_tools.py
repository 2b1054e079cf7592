"""kind and minikube: clusters on this machine that a tool creates."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloche_cluster.images.engine import choose_builder
from cloche_cluster.machine.command import run
from cloche_cluster.machine.files import user_cache
from cloche_cluster.targets.access import access
from cloche_cluster.targets.base import ALL_DIALECTS, GATEWAY_SERVICE, NAMESPACE
from cloche_cluster.targets.port_forward import PortForward

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_cluster.console import Console
    from cloche_cluster.images.engine import Builder
    from cloche_cluster.targets.base import Access
    from cloche_cluster.targets.choice import Target

_CREATE_TIMEOUT = 900.0
_LOAD_TIMEOUT = 600.0
_LOOK_TIMEOUT = 60.0


@dataclass(frozen=True)
class Tool:
    """A tool's commands: create and delete a cluster, list its images, load an archive.

    `{name}` is replaced by the cluster's name and `{archive}` by the archive's path.
    """

    create: tuple[str, ...]
    delete: tuple[str, ...]
    images: tuple[str, ...]
    load: tuple[str, ...]


KIND_TOOL = Tool(
    create=("kind", "create", "cluster", "--name", "{name}", "--wait", "180s"),
    delete=("kind", "delete", "cluster", "--name", "{name}"),
    images=(
        "docker",
        "exec",
        "{name}-control-plane",
        "ctr",
        "-n",
        "k8s.io",
        "images",
        "list",
        "-q",
    ),
    load=("kind", "load", "image-archive", "{archive}", "--name", "{name}"),
)
MINIKUBE_TOOL = Tool(
    create=("minikube", "start", "-p", "{name}"),
    delete=("minikube", "delete", "-p", "{name}"),
    images=("minikube", "-p", "{name}", "image", "ls"),
    load=("minikube", "-p", "{name}", "image", "load", "{archive}"),
)


@dataclass(frozen=True)
class LocalToolCluster:
    """See `Cluster`. `directory` is the checkout's `.cloche`."""

    tool: Tool
    target: Target
    directory: Path
    console: Console

    def prepare(self) -> Access:
        """Create the cluster if it does not exist, and record that it was created here."""
        if not self.target.exists:
            self.console.step(f"creating the {self.target.kind} cluster {self.target.name} …")
            self.directory.mkdir(parents=True, exist_ok=True)
            self._made.touch()
            self._run(self.tool.create, _CREATE_TIMEOUT)
        return self.access()

    def complete(self) -> None:
        """Do nothing: the tool creates complete clusters."""

    def access(self) -> Access:
        """Extract the tool's context from the user's kubeconfig."""
        return access(self.target.context or "", self.directory, self.console)

    def builder(self) -> Builder:
        """Return Docker if it answers, else buildah."""
        return choose_builder(user_cache(), self.console)

    def missing_images(self, references: Sequence[str]) -> list[str]:
        """Compare with the images of the tool, or of kind's first node."""
        there = set(self._run(self.tool.images, _LOOK_TIMEOUT).split())
        return [one for one in references if one not in there]

    def load_images(self, builder: Builder, references: Sequence[str]) -> None:
        """Load one archive into all nodes."""
        with tempfile.TemporaryDirectory(prefix="cloche-images-") as temporary:
            archive = Path(temporary) / "images.tar"
            builder.save(references, archive)
            self._run(self.tool.load, _LOAD_TIMEOUT, archive=str(archive))

    def prune_images(self, keep: Sequence[str]) -> None:
        """Do nothing: the kubelet's image garbage collection removes unused ones."""

    def values(self) -> dict[str, Any]:
        """Return all dialects. Otherwise the chart's defaults fit these clusters."""
        return {"gateway": {"dialects": ALL_DIALECTS}}

    def expose(self, access: Access) -> str:
        """Forward a port of localhost."""
        return PortForward(self.directory).ensure(access.kubectl, NAMESPACE, GATEWAY_SERVICE)

    def remove(self) -> list[str]:
        """Stop the port-forward, and delete the cluster if `up` created it."""
        gone = ["the port-forward"] if PortForward(self.directory).stop() else []
        if self._made.exists():
            self._run(self.tool.delete, _CREATE_TIMEOUT)
            self._made.unlink()
            gone.append(f"the {self.target.kind} cluster {self.target.name}")
        return gone

    @property
    def _made(self) -> Path:
        return self.directory / f"made-{self.target.kind}-{self.target.name}"

    def _run(self, words: tuple[str, ...], timeout: float, archive: str = "") -> str:
        filled = [word.format(name=self.target.name, archive=archive) for word in words]
        return run(filled, timeout=timeout)
