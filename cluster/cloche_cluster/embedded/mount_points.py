"""The directories that the kubelet has fixed, on which its own are mounted in its namespace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloche_cluster.embedded.layout import Layout

MOUNT_POINTS = (Path("/var/lib/kubelet"), Path("/var/log/containers"))


def ensure(layout: Layout) -> None:
    """Make the mount points, and note those that were absent, for `down` to remove."""
    for point in MOUNT_POINTS:
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
