"""What the installation asks of a cluster, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cloche_cluster.images.builder import Builder
    from cloche_cluster.kubectl import Kubectl


GATEWAY_PORT = 8002
"""Where the gateway listens, and where it is reached on this machine."""


@dataclass(frozen=True)
class Access:
    """The way into a cluster: kubectl for it, its kubeconfig, and helm."""

    kubectl: Kubectl
    kubeconfig: Path
    helm: Path


class Cluster(Protocol):
    """A cluster that Cloche is installed into. All methods raise ClusterError."""

    def prepare(self) -> Access:
        """Make the cluster if need be, wait until it answers, and return the way in."""

    def complete(self) -> None:
        """Add what the cluster has besides, and Cloche's first answer does not need."""

    def access(self) -> Access:
        """Return the way into a cluster that was prepared before."""

    def builder(self) -> Builder:
        """Return the engine that builds its images, installed where it was missing."""

    def missing_images(self, references: Sequence[str]) -> list[str]:
        """Return those of `references` that the cluster's nodes do not have."""

    def load_images(self, builder: Builder, references: Sequence[str]) -> None:
        """Bring images from the builder's store to the nodes."""

    def prune_images(self, keep: Sequence[str]) -> None:
        """Remove Cloche's images that are neither among `keep` nor used by a Pod."""

    def values(self) -> dict[str, Any]:
        """Return the chart's values that this kind of cluster needs."""

    def expose(self, access: Access) -> str:
        """See that the gateway is reached from this machine, and return its URL."""

    def remove(self) -> list[str]:
        """Undo `prepare` and `expose` as far as they made something; returns it in words."""
