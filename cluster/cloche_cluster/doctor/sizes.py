"""The disk space that is needed for what is missing: measured sizes and their directories."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.components.go import find_go
from cloche_cluster.components.pins import COMPONENTS, COMPONENTS_DIRECTORY, read_pin
from cloche_cluster.doctor.disk import MIB, Need
from cloche_cluster.machine.command import answers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_cluster.components.pins import Pin
    from cloche_cluster.doctor.needs import Needs
    from cloche_cluster.embedded.layout import Layout

# Measured with du -sm after a first `make up` of all languages, in MiB:
PROGRAMS = 830 * MIB
"""/var/cache/cloche/bin with all components."""
MODULES = 1100 * MIB
"""GOMODCACHE: 312 modules, 216 packed and 870 unpacked."""
BUILD_CACHE = 3000 * MIB
"""GOCACHE, after all components were compiled once."""
LINKS = 512 * MIB
"""The temporary directory: the linker writes the largest programs there, one for each CPU."""
IMAGES = 4750 * MIB
"""/var/cache/cloche/buildah: the base image and all others."""
COPIES = 8000 * MIB
"""containerd's content and snapshots if it copies all images instead of linking them."""
STATE = 512 * MIB
"""/var/lib/cloche without images: etcd, keys and logs; 270 MiB after the first tests."""


@dataclass(frozen=True)
class GoCaches:
    """The directories of Go's build cache and module cache."""

    build: Path
    modules: Path


def read_go_caches() -> GoCaches | None:
    """Query Go; None if it is not installed."""
    output = answers([find_go(), "env", "GOCACHE", "GOMODCACHE"], timeout=30)
    lines = (output or "").splitlines()
    return GoCaches(*map(Path, lines)) if len(lines) == len(("build", "modules")) else None


def wanted(
    needs: Needs, cache: Path, caches: GoCaches | None, *, images: int, fetch_modules: bool
) -> list[Need]:
    """Return the disk space for `needs`: the missing share of each measured size.

    `images` is the total number of images.
    """
    share = _programs(needs.components) / _programs(
        [read_pin(one, COMPONENTS_DIRECTORY) for one in COMPONENTS]
    )
    found = [Need(cache / "bin", int(PROGRAMS * share), program=True)]
    if needs.components and caches:
        found.append(Need(caches.build, int(BUILD_CACHE * share)))
        found.append(Need(caches.modules, int(MODULES * share) if fetch_modules else 0))
        found.append(Need(Path(tempfile.gettempdir()), LINKS))
    if not needs.docker:
        size = IMAGES * len(needs.images) // images
        found.append(Need(cache / "buildah", size, program=True))
    return found


def of_node(needs: Needs, layout: Layout, *, images: int, one_file_system: bool) -> Need:
    """Return the disk space that the node needs. It links images if its store supports that."""
    copied = needs.docker or not one_file_system
    copies = COPIES * len(needs.images) // images if copied else 0
    size = copies + (0 if layout.state.exists() else STATE)
    return Need(layout.state, size, program=True)


def _programs(pins: Iterable[Pin]) -> int:
    return sum(len(pin.programs) for pin in pins)
