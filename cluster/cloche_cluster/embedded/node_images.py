"""The node's own two images: `pause`, which holds a Pod's namespaces, and CoreDNS."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.command import run
from cloche_cluster.embedded.layout import REPOSITORY
from cloche_cluster.embedded.tar_image import write_image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_cluster.embedded.build import Programs
    from cloche_cluster.embedded.layout import Layout

_IMPORT_TIMEOUT = 120.0
_COMPILE = ("gcc", "-Os", "-static", "-s", "-Wall", "-Wextra", "-Werror")


@dataclass(frozen=True)
class NodeImages:
    """The names that the configuration uses, and the archives that they come from."""

    pause: str
    coredns: str
    archives: dict[str, Path]


@dataclass(frozen=True)
class ImageStore:
    """The translator of containerd's image store, by `ctr` in the kubelet's namespace."""

    ctr: Path
    socket: Path

    def names(self) -> set[str]:
        """Return the names of all images that are there."""
        return set(self._ctr("images", "list", "-q").split())

    def load(self, archive: Path) -> None:
        """Import an archive (docker-archive or OCI)."""
        self._ctr("images", "import", "--local=false", str(archive))

    def remove(self, names: Iterable[str]) -> None:
        """Remove images; those in use by a container keep their layers."""
        for name in names:
            self._ctr("images", "remove", name)

    def _ctr(self, *words: str) -> str:
        base: list[str | Path] = [self.ctr, "--address", self.socket, "--namespace", "k8s.io"]
        return run([*base, *words], timeout=_IMPORT_TIMEOUT)


def image_store(programs: Programs, layout: Layout) -> ImageStore:
    """Return the store of the embedded node."""
    return ImageStore(programs.path("containerd", "ctr"), layout.containerd_socket)


def ensure_node_images(cache: Path, programs: Programs) -> NodeImages:
    """Make the archives that the cache lacks. The names tell the content, by hash or pin."""
    directory = cache / "images"
    directory.mkdir(parents=True, exist_ok=True)
    source = REPOSITORY / "cluster" / "pause" / "pause.c"
    recipe = source.read_bytes() + " ".join(_COMPILE).encode()
    pause = f"localhost/cloche/pause:{hashlib.sha256(recipe).hexdigest()[:12]}"
    binary = programs.path("coredns")
    coredns = f"localhost/cloche/coredns:{binary.parent.name.rpartition('-')[2]}"
    archives = {name: directory / f"{_file(name)}.tar" for name in (pause, coredns)}
    if not archives[pause].exists():
        _write(archives[pause], pause, {"pause": _compile(source)})
    if not archives[coredns].exists():
        _write(archives[coredns], coredns, {"coredns": binary.read_bytes()})
    return NodeImages(pause, coredns, archives)


def _file(name: str) -> str:
    return name.rpartition("/")[2].replace(":", "-")


def _compile(source: Path) -> bytes:
    with tempfile.TemporaryDirectory() as temporary:
        program = Path(temporary) / "pause"
        run([*_COMPILE, "-o", program, source], timeout=60)
        return program.read_bytes()


def _write(target: Path, name: str, files: dict[str, bytes]) -> None:
    partial = target.with_suffix(".partial")
    write_image(partial, name, files, f"/{next(iter(files))}")
    partial.replace(target)
