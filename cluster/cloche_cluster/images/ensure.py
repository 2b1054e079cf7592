"""Builds the images that are missing and says under which tags all of them are."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError
from cloche_cluster.images.builder import Buildah, Builder
from cloche_cluster.images.content import content_tag, context_files, copied_sources, stage
from cloche_cluster.images.debian import make_debian
from cloche_cluster.images.table import DEBIAN, Image, discover

if TYPE_CHECKING:
    from collections.abc import Collection

    from cloche_cluster.console import Console


@dataclass(frozen=True)
class Tagged:
    """An image with the tag that its contents give it, and the files that it is made of."""

    image: Image
    tag: str
    files: tuple[Path, ...]

    @property
    def reference(self) -> str:
        """The full name with the tag."""
        return self.image.reference(self.tag)


def ensure_images(repository: Path, builder: Builder, console: Console) -> tuple[Tagged, ...]:
    """Build every image that the builder's store lacks, and return all with their tags.

    Raises ClusterError when a Dockerfile copies what is not there, or a build fails.
    """
    debian = builder.debian_id() or _make_debian(builder, console)
    tagged = tag_all(repository, discover(repository), debian)
    missing = [one for one in tagged if not builder.has(one.reference)]
    if missing and isinstance(builder, Buildah):
        builder.remove_leftovers()
    for one in missing:
        _build(repository, one, tagged, builder, console)
    if missing and isinstance(builder, Buildah):
        builder.remove_old()
    return tagged


def tag_all(repository: Path, images: Collection[Image], debian: str) -> tuple[Tagged, ...]:
    """Give each image its tag; `debian` is the identity of the Debian base."""
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


def _make_debian(builder: Builder, console: Console) -> str:
    if not isinstance(builder, Buildah):
        raise ClusterError(f"{DEBIAN} could not be pulled")
    console.step(f"making the base image {DEBIAN} from Debian's packages …")
    make_debian(builder)
    made = builder.debian_id()
    if made is None:
        raise ClusterError(f"the base image {DEBIAN} was made and is not in buildah's store")
    return made


def _build(
    repository: Path, one: Tagged, tagged: Collection[Tagged], builder: Builder, console: Console
) -> None:
    console.step(f"building image {one.image.name}:{one.tag} …")
    began = time.monotonic()
    base = next((other for other in tagged if other.image.name == one.image.base), None)
    arguments = {"BASE": base.reference} if base else {}
    with tempfile.TemporaryDirectory(prefix="cloche-context-") as temporary:
        stage(repository, one.image.dockerfile, one.files, Path(temporary))
        builder.build(Path(temporary), one.image.dockerfile, one.reference, arguments)
    console.step(f"built image {one.image.name} in {time.monotonic() - began:.0f} s")
