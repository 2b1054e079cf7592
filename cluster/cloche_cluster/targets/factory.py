"""Create the cluster object for a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_cluster.choice import Kind, Target
from cloche_cluster.embedded.context import Embedded
from cloche_cluster.targets.embedded import EmbeddedCluster
from cloche_cluster.targets.foreign import ForeignCluster
from cloche_cluster.targets.local_tools import KIND_TOOL, MINIKUBE_TOOL, LocalToolCluster

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_cluster.console import Console
    from cloche_cluster.targets.base import Cluster


def make_cluster(target: Target, directory: Path, console: Console) -> Cluster:
    """Return the cluster for `target`; `directory` is the checkout's `.cloche`."""
    if target.kind is Kind.EMBEDDED:
        return EmbeddedCluster(Embedded(console))
    if target.kind is Kind.FOREIGN:
        return ForeignCluster(target.context or "", directory, console)
    tool = KIND_TOOL if target.kind is Kind.KIND else MINIKUBE_TOOL
    return LocalToolCluster(tool, target, directory, console)
