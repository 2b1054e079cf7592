"""containerd's image store on the embedded node, accessed with `ctr`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.machine.command import run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_cluster.components.build import Binaries
    from cloche_cluster.embedded.layout import Layout

_IMPORT_TIMEOUT = 120.0


@dataclass(frozen=True)
class NodeImage:
    """An image: the name in the configuration, and the archive with its content."""

    name: str
    archive: Path


@dataclass(frozen=True)
class ImageStore:
    """containerd's image store, accessed with `ctr` in the kubelet's namespace."""

    ctr: Path
    socket: Path

    def names(self) -> set[str]:
        """Return the names of all images in the store."""
        return set(self._ctr("images", "list", "-q").split())

    def ensure(self, image: NodeImage) -> None:
        """Import one of the node's images if it is missing."""
        if image.name not in self.names():
            self.load(image.archive)

    def load(self, archive: Path) -> None:
        """Import an archive (docker-archive or OCI)."""
        self._ctr("images", "import", "--local=false", str(archive))

    def remove(self, names: Iterable[str]) -> None:
        """Remove images; those in use by a container keep their layers."""
        for name in names:
            self._ctr("images", "remove", name)

    def snapshots(self) -> set[str]:
        """Return the keys of all snapshots."""
        return {line.split()[0] for line in self._ctr("snapshots", "list").splitlines()[1:]}

    def prepare_snapshot(self, key: str, parent: str) -> Path:
        """Create an empty writable snapshot on `parent` ("" for none) and return its directory."""
        above = (parent,) if parent else ()
        (mount,) = json.loads(self._ctr("snapshots", "prepare", "--mounts", key, *above))
        options = (option.partition("=") for option in mount["Options"])
        upper = [path for name, _, path in options if name == "upperdir"]
        return Path(upper[0] if upper else mount["Source"])

    def commit_snapshot(self, key: str, name: str) -> None:
        """Commit the writable snapshot `key` as the read-only snapshot `name`."""
        self._ctr("snapshots", "commit", name, key)

    def release_snapshot(self, name: str) -> None:
        """Let containerd collect a snapshot together with the last image that needs it."""
        self._ctr("snapshots", "label", name, "containerd.io/gc.root=")

    def remove_snapshot(self, name: str) -> None:
        """Remove a snapshot that has no children."""
        self._ctr("snapshots", "remove", name)

    def _ctr(self, *words: str) -> str:
        base: list[str | Path] = [self.ctr, "--address", self.socket, "--namespace", "k8s.io"]
        return run([*base, *words], timeout=_IMPORT_TIMEOUT)


def image_store(binaries: Binaries, layout: Layout) -> ImageStore:
    """Return the store of the embedded node."""
    return ImageStore(binaries.path("containerd", "ctr"), layout.containerd_socket)
