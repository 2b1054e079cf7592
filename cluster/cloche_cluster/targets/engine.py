"""Which engine builds the images: Docker where it answers, else buildah."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_cluster.embedded.machine import is_linux_root
from cloche_cluster.embedded.packages import IMAGES, ensure_packages
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.builder import Buildah, Builder, Docker, docker_answers

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_cluster.console import Console


def choose_builder(cache: Path, console: Console, with_packages: tuple[str, ...] = ()) -> Builder:
    """Return the engine, with buildah and its helpers installed where there is no Docker.

    `with_packages` are Debian packages that the cluster needs: they are installed at the same time.
    Raises ClusterError where there is neither Docker nor root.
    """
    if docker_answers():
        return Docker()
    if not is_linux_root():
        raise ClusterError("no Docker engine answers, and buildah needs root to build images")
    ensure_packages((*with_packages, *IMAGES), console)
    store = cache / "buildah"
    store.mkdir(parents=True, exist_ok=True)
    return Buildah(root=store, runroot=cache / "buildah-run")
