"""The engine that builds images: its interface, and the choice between Docker and buildah."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cloche_cluster.errors import ClusterError
from cloche_cluster.images.buildah import buildah_in
from cloche_cluster.images.docker import Docker, docker_answers
from cloche_cluster.machine.apt import IMAGES, ensure_packages
from cloche_cluster.machine.facts import is_linux_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from cloche_cluster.console import Console

NO_ENGINE = (
    "Docker does not respond, and buildah requires Linux and root to build images: start Docker, "
    "or run `sudo make up`"
)


class Builder(Protocol):
    """An engine that builds and stores images."""

    def debian_id(self) -> str | None:
        """Return the id of the stored Debian base image, or None."""

    def references(self) -> set[str]:
        """Return the full names, with tags, of all images in the store."""

    def build(
        self,
        context: Path,
        dockerfile: Path,
        reference: str,
        arguments: Mapping[str, str],
        *,
        idle: bool = False,
    ) -> None:
        """Build an image with these build arguments.

        With `idle` the build only uses CPU time that nothing else needs.
        """

    def export(
        self, context: Path, dockerfile: Path, target: Path, arguments: Mapping[str, str]
    ) -> None:
        """Build without earlier layers, and write the files of the last stage to `target`."""

    def save(self, references: Iterable[str], archive: Path) -> None:
        """Write images into one archive that containerd and Docker can load."""

    def push(self, reference: str, target: str) -> None:
        """Push an image to a registry under the name `target`."""


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
