"""Write an SBOM for each image, from the archive that the engine saves."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError
from cloche_cluster.images.archive import read_root
from cloche_cluster.images.packages import STATUS, distribution, is_record, packages
from cloche_cluster.images.sbom import document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_cluster.console import Console
    from cloche_cluster.images.engine import Builder
    from cloche_cluster.images.tags import Tagged


def write_sboms(
    tagged: Iterable[Tagged], builder: Builder, target: Path, console: Console
) -> tuple[Path, ...]:
    """Write `NAME.cdx.json` into `target` for every image, and return the paths.

    Files of images that no longer exist are removed. Raises ClusterError if an image cannot be
    read.
    """
    target.mkdir(parents=True, exist_ok=True)
    written = tuple(_write(one, builder, target, console) for one in tagged)
    for old in set(target.glob("*.cdx.json")) - set(written):
        old.unlink()
    return written


def _write(one: Tagged, builder: Builder, target: Path, console: Console) -> Path:
    began = time.monotonic()
    # In the target directory, because an image has up to 800 MB and /tmp may be in memory.
    with tempfile.TemporaryDirectory(dir=target, prefix=".") as temporary:
        archive = Path(temporary) / f"{one.image.name}.tar"
        builder.save([one.reference], archive)
        root = read_root(archive, is_record)
    if STATUS not in root.files:
        raise ClusterError(f"{one.reference} has no record of its Debian packages (/{STATUS})")
    found = packages(root)
    path = target / f"{one.image.name}.cdx.json"
    path.write_text(document(one.reference, distribution(root), found))
    seconds = time.monotonic() - began
    console.step(f"{one.image.name}: {len(found)} packages, {seconds:.1f} s")
    return path
