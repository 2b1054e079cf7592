"""How much disk is needed for what is missing: measured figures, and where they fall."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.command import answers
from cloche_cluster.doctor.disk import MIB, Need
from cloche_cluster.embedded.build import find_go
from cloche_cluster.embedded.pins import COMPONENTS, COMPONENTS_DIRECTORY, read_pin
from cloche_cluster.images.table import discover

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_cluster.doctor.needs import Needs
    from cloche_cluster.embedded.layout import Layout
    from cloche_cluster.embedded.pins import Pin

# Measured with du -sm after a first `make up`, all languages.
PROGRAMS = 1000 * MIB
"""/var/cache/cloche/bin: all components."""
MODULES = 2600 * MIB
"""GOMODCACHE: the modules of all components, packed and unpacked."""
BUILD_CACHE = 3000 * MIB
"""GOCACHE: what compiling all components leaves."""
IMAGES = 4100 * MIB
"""/var/cache/cloche/buildah: base image and all images."""
STATE = 512 * MIB
"""/var/lib/cloche: etcd, keys, and what containers write; images are links where they can be."""


@dataclass(frozen=True)
class GoCaches:
    """Where Go keeps what it compiled, and the modules that it fetched."""

    build: Path
    modules: Path


def read_go_caches() -> GoCaches | None:
    """Ask Go; None where it is not installed."""
    told = answers([find_go(), "env", "GOCACHE", "GOMODCACHE"], timeout=30)
    lines = (told or "").splitlines()
    return GoCaches(*map(Path, lines)) if len(lines) == len(("build", "modules")) else None


def wanted(
    needs: Needs, cache: Path, caches: GoCaches | None, repository: Path, *, fetch_modules: bool
) -> list[Need]:
    """Return the room that `needs` take: of each figure the share that is missing."""
    share = _programs(needs.components) / _programs(
        [read_pin(one, COMPONENTS_DIRECTORY) for one in COMPONENTS]
    )
    found = [Need(cache / "bin", int(PROGRAMS * share), program=True)]
    if share and caches:
        found.append(Need(caches.build, int(BUILD_CACHE * share)))
        found.append(Need(caches.modules, int(MODULES * share) if fetch_modules else 0))
    if not needs.docker:
        images = len(needs.images) / len(discover(repository))
        found.append(Need(cache / "buildah", int(IMAGES * images)))
    return found


def of_node(layout: Layout) -> Need:
    """Return the room that the running node needs."""
    return Need(layout.state, 0 if layout.state.exists() else STATE)


def _programs(pins: Iterable[Pin]) -> int:
    return sum(len(pin.programs) for pin in pins)
