"""Directories that no flag moves: in the node's mount namespace, its own are mounted on them.

So another kubelet's or CNI's on the same machine are not touched.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloche_cluster.embedded.layout import Layout


def _sources(layout: Layout) -> dict[Path, Path]:
    """Return what is mounted, by where."""
    return {
        Path("/var/lib/kubelet"): layout.kubelet,  # device plugins
        Path("/var/log/containers"): layout.log / "containers",  # links to the Pods' logs
        Path("/var/lib/cni"): layout.state / "cni",  # libcni's record of its results
    }


def pairs(layout: Layout) -> list[str]:
    """Return source and mount point in turn, as `mount --bind` takes them."""
    return [str(path) for point, source in _sources(layout).items() for path in (source, point)]


def ensure(layout: Layout) -> None:
    """Make sources and mount points; note those points that were absent, for `down` to remove."""
    for point, source in _sources(layout).items():
        source.mkdir(parents=True, exist_ok=True)
        if not point.exists():
            with _notes(layout).open("a") as notes:
                notes.write(f"{point}\n")
            point.mkdir(parents=True)


def remove_made(layout: Layout) -> None:
    """Remove the mount points that `ensure` made, where they are empty."""
    if not _notes(layout).exists():
        return
    for line in _notes(layout).read_text().splitlines():
        place = Path(line)
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()


def _notes(layout: Layout) -> Path:
    return layout.state / "made-directories"
