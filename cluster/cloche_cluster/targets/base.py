"""The interface between the installation and every kind of cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cloche_cluster.images.engine import Builder
    from cloche_cluster.kubectl import Kubectl

RELEASE = "cloche"
NAMESPACE = "cloche-system"
SANDBOX_NAMESPACE = "cloche-sandboxes"
GATEWAY_SERVICE = "cloche-gateway"
"""The names of the installation, the same in every cluster."""

GATEWAY_PORT = 8002
"""The gateway's port, in the cluster and on this machine."""

ALL_DIALECTS: dict[str, Any] = {
    name: {"enabled": True} for name in ("mcp", "piston", "dify", "sandboxFusion", "judge0", "jobe")
}
"""The chart's values that enable all dialects, for clusters on this machine."""


@dataclass(frozen=True)
class Access:
    """Access to a cluster: kubectl, kubeconfig and Helm."""

    kubectl: Kubectl
    kubeconfig: Path
    helm: Path


class Cluster(Protocol):
    """A cluster that Cloche is installed into. All methods raise ClusterError."""

    def prepare(self) -> Access:
        """Create the cluster if necessary, wait until it answers, and return the access to it."""

    def complete(self) -> None:
        """Add parts of the cluster that Cloche's first answer does not need."""

    def access(self) -> Access:
        """Return the access to a cluster that was prepared before."""

    def builder(self) -> Builder:
        """Return the engine that builds its images, installed if necessary."""

    def missing_images(self, references: Sequence[str]) -> list[str]:
        """Return those of `references` that the cluster's nodes lack."""

    def load_images(self, builder: Builder, references: Sequence[str]) -> None:
        """Load images from the builder's store into the nodes."""

    def prune_images(self, keep: Sequence[str]) -> None:
        """Remove Cloche's images that are neither among `keep` nor used by a Pod."""

    def values(self) -> dict[str, Any]:
        """Return the chart's values that this kind of cluster needs."""

    def expose(self, access: Access) -> str:
        """Make the gateway reachable from this machine, and return its URL."""

    def remove(self) -> list[str]:
        """Undo what `prepare` and `expose` created, and return descriptions of it."""
