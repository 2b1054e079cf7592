"""Choose the engine that builds the images: Docker if it answers, else buildah."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_cluster.embedded.machine import is_linux_root
from cloche_cluster.embedded.packages import IMAGES, ensure_packages
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.builder import Buildah, Builder, Docker, docker_answers

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_cluster.console import Console

NO_ENGINE = (
    "no Docker engine answers, and buildah needs Linux and root to build images: start Docker, or "
    "run `sudo make up`"
)


def choose_builder(cache: Path, console: Console, with_packages: tuple[str, ...] = ()) -> Builder:
    """Return the engine; without Docker, install buildah and its helpers.

    `with_packages` are Debian packages that the cluster needs, installed at the same time. Raises
    ClusterError if there is neither Docker nor root.
    """
    if docker_answers():
        return Docker()
    if not is_linux_root():
        raise ClusterError(NO_ENGINE)
    ensure_packages((*with_packages, *IMAGES), console)
    buildah = buildah_in(cache)
    buildah.root.mkdir(parents=True, exist_ok=True)
    return buildah


def buildah_in(cache: Path) -> Buildah:
    """Return buildah with its store in `cache`."""
    return Buildah(root=cache / "buildah", runroot=cache / "buildah-run")
