"""Directories with fixed paths, over which the node mounts its own in its mount namespace.

Another kubelet or CNI on the same machine is therefore not affected.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloche_cluster.embedded.layout import Layout


def _sources(layout: Layout) -> dict[Path, Path]:
    """Return the source directories by their mount points."""
    return {
        Path("/var/lib/kubelet"): layout.kubelet,  # device plugins
        Path("/var/log/containers"): layout.log / "containers",  # links to the Pods' logs
        Path("/var/lib/cni"): layout.state / "cni",  # libcni's cached results
    }


def pairs(layout: Layout) -> list[str]:
    """Return sources and mount points alternately, as arguments of `mount --bind`."""
    return [str(path) for point, source in _sources(layout).items() for path in (source, point)]


def ensure(layout: Layout) -> None:
    """Create sources and mount points; record the new mount points for `down`."""
    for point, source in _sources(layout).items():
        source.mkdir(parents=True, exist_ok=True)
        if not point.exists():
            with _notes(layout).open("a") as notes:
                notes.write(f"{point}\n")
            point.mkdir(parents=True)


def remove_made(layout: Layout) -> None:
    """Remove the mount points that `ensure` created, if they are empty."""
    if not _notes(layout).exists():
        return
    for line in _notes(layout).read_text().splitlines():
        place = Path(line)
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()


def _notes(layout: Layout) -> Path:
    return layout.state / "made-directories"
