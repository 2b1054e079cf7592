"""Find out what `make up` would have to build or fetch on this machine."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_cluster.components.build import missing_pins
from cloche_cluster.components.pins import COMPONENTS, COREDNS, component
from cloche_cluster.embedded.supervisord import environment_place
from cloche_cluster.images.buildah import buildah_in
from cloche_cluster.images.debian import OWN_NAME
from cloche_cluster.images.docker import Docker, docker_answers
from cloche_cluster.images.table import DEBIAN, Image
from cloche_cluster.images.tags import tag_all
from cloche_cluster.machine.apt import IMAGES, NODE, lacking
from cloche_cluster.machine.files import user_cache
from cloche_cluster.targets.choice import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cloche_cluster.components.pins import Component, Pin
    from cloche_cluster.embedded.layout import Layout
    from cloche_cluster.images.engine import Builder


@dataclass(frozen=True)
class Needs:
    """What is missing.

    `docker` is whether Docker builds the images; otherwise buildah does. `packages` are Debian
    packages, None if the machine has no dpkg. `supervisor` is whether the Python environment of
    supervisord must be created.
    """

    docker: bool = False
    components: tuple[Pin, ...] = ()
    images: tuple[Image, ...] = ()
    packages: tuple[str, ...] | None = ()
    supervisor: bool = False


def read_needs(kind: Kind, repository: Path, layout: Layout, images: Sequence[Image]) -> Needs:
    """Find what a cluster of this `kind` needs, from the caches and dpkg's records.

    `images` are the images that will be installed.
    """
    embedded = kind is Kind.EMBEDDED
    cache = layout.cache if embedded else user_cache()
    with ThreadPoolExecutor() as pool:
        engine = pool.submit(_engine, cache)
        unbuilt = pool.submit(lambda: missing_images(repository, images, engine.result()))
        docker = isinstance(engine.result(), Docker)
        names = (*(NODE if embedded else ()), *(() if docker else IMAGES))
        return Needs(
            docker=docker,
            components=tuple(missing_pins(cache, _components(embedded=embedded))),
            packages=lacking(names) if names else (),
            supervisor=embedded and not (environment_place(cache) / "complete").exists(),
            images=unbuilt.result(),
        )


def missing_images(
    repository: Path, images: Sequence[Image], engine: Builder | None
) -> tuple[Image, ...]:
    """Return those of `images` that the engine's store lacks; all, if it has no base image."""
    stored = engine.references() if engine else set()
    if not stored & {DEBIAN, OWN_NAME}:
        return tuple(images)
    assert engine is not None
    tagged = tag_all(repository, images, engine.debian_id() or "")
    return tuple(one.image for one in tagged if one.reference not in stored)


def _engine(cache: Path) -> Builder | None:
    """Return the engine that will build the images, None if it is not installed yet."""
    if docker_answers():
        return Docker()
    there = shutil.which("buildah") and (cache / "buildah").is_dir()
    return buildah_in(cache) if there else None


def _components(*, embedded: bool) -> tuple[Component, ...]:
    if embedded:
        return (*COMPONENTS, COREDNS)
    return () if shutil.which("helm") else (component("helm"),)
