"""Build missing images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_cluster.images.builder import Buildah
from cloche_cluster.images.builds import ImageBuilds
from cloche_cluster.images.table import discover

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cloche_cluster.console import Console
    from cloche_cluster.images.builder import Builder
    from cloche_cluster.images.table import Image
    from cloche_cluster.images.tags import Tagged


def ensure_images(
    repository: Path, builder: Builder, console: Console, images: Sequence[Image] | None = None
) -> tuple[Tagged, ...]:
    """Build those of `images` (default: all) that the builder's store lacks; return all.

    Raises ClusterError if a Dockerfile copies a missing file, or a build fails.
    """
    wanted = discover(repository) if images is None else images
    names = [one.name for one in wanted]
    with ImageBuilds(repository, wanted, lambda: builder, console) as builds:
        tagged = builds.wait(names)
    remove_old(builder)
    return tagged


def remove_old(builder: Builder) -> None:
    """Remove all but the newest few versions of each image, if the store is Cloche's own."""
    if isinstance(builder, Buildah):
        builder.remove_old()
