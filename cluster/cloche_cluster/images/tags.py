"""The tag of each image: a hash of its content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError
from cloche_cluster.images.content import content_tag, context_files, copied_sources
from cloche_cluster.images.table import DEBIAN, Image

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Tagged:
    """An image with its tag and its source files."""

    image: Image
    tag: str
    files: tuple[Path, ...]

    @property
    def reference(self) -> str:
        """The full name with the tag."""
        return self.image.reference(self.tag)


def tag_all(repository: Path, images: Iterable[Image], debian: str) -> tuple[Tagged, ...]:
    """Compute the tag of each image; `debian` is the id of the Debian base image."""
    tagged: dict[str, Tagged] = {}
    for image in images:
        try:
            dockerfile = (repository / image.dockerfile).read_text()
            files = context_files(repository, copied_sources(dockerfile))
        except FileNotFoundError as error:
            raise ClusterError(f"{image.dockerfile}: {error}") from None
        ingredients = [tagged[image.base].tag] if image.base else [DEBIAN, debian]
        tag = content_tag(repository, image.dockerfile, files, ingredients)
        tagged[image.name] = Tagged(image, tag, files)
    return tuple(tagged.values())
