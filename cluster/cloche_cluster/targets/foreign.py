"""Any other cluster (CLUSTER=current). Its images come from a registry."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_cluster.errors import ClusterError
from cloche_cluster.images.engine import choose_builder
from cloche_cluster.images.table import REPOSITORY_NAME
from cloche_cluster.machine.files import user_cache
from cloche_cluster.targets.access import access
from cloche_cluster.targets.base import GATEWAY_SERVICE, NAMESPACE
from cloche_cluster.targets.port_forward import PortForward

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cloche_cluster.console import Console
    from cloche_cluster.images.engine import Builder
    from cloche_cluster.targets.base import Access

REGISTRY_VARIABLE = "REGISTRY"


@dataclass(frozen=True)
class ForeignCluster:
    """See `Cluster`. Only the release is ever created or removed."""

    context: str
    directory: Path
    console: Console

    def prepare(self) -> Access:
        """Check that a registry is set, before anything is built."""
        self._registry()
        return self.access()

    def complete(self) -> None:
        """Do nothing: the cluster is left as it is."""

    def access(self) -> Access:
        """Extract the context from the user's kubeconfig."""
        return access(self.context, self.directory, self.console)

    def builder(self) -> Builder:
        """Return Docker if it answers, else buildah."""
        return choose_builder(user_cache(), self.console)

    def missing_images(self, references: Sequence[str]) -> list[str]:
        """Return all references, because pushing an existing image is cheap."""
        return list(references)

    def load_images(self, builder: Builder, references: Sequence[str]) -> None:
        """Push to the registry."""
        for reference in references:
            name = reference.removeprefix(f"{REPOSITORY_NAME}/")
            builder.push(reference, f"{self._registry()}/cloche/{name}")

    def prune_images(self, keep: Sequence[str]) -> None:
        """Do nothing: the kubelet's image garbage collection removes unused ones."""

    def values(self) -> dict[str, Any]:
        """Return the registry."""
        return {"image": {"registry": self._registry()}}

    def expose(self, access: Access) -> str:
        """Forward a port of localhost."""
        return PortForward(self.directory).ensure(access.kubectl, NAMESPACE, GATEWAY_SERVICE)

    def remove(self) -> list[str]:
        """Stop the port-forward."""
        return ["the port-forward"] if PortForward(self.directory).stop() else []

    def _registry(self) -> str:
        return required_registry(self.context)


def required_registry(context: str) -> str:
    """Return the registry set for the cluster of `context`. Raises ClusterError."""
    registry = os.environ.get(REGISTRY_VARIABLE, "").strip("/")
    if not registry:
        raise ClusterError(
            f"the cluster of context {context} pulls its images from a registry: set "
            f"{REGISTRY_VARIABLE}=registry.example.com/path to one that you can push to"
        )
    return registry
