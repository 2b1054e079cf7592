"""The node's two images: `pause`, which holds a Pod's namespaces, and CoreDNS."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloche_cluster.embedded.node.image_store import NodeImage
from cloche_cluster.machine.command import run
from cloche_cluster.machine.files import REPOSITORY

if TYPE_CHECKING:
    from cloche_cluster.components.build import Binaries

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Kubernetes' names of the supported architectures, by those of uname(2)."""

_COMPILE = ("gcc", "-Os", "-static", "-s", "-Wall", "-Wextra", "-Werror")


def pause_image(cache: Path) -> NodeImage:
    """Return the image of `pause`, created if the cache lacks it. Its tag depends on its source."""
    source = REPOSITORY / "cluster" / "pause" / "pause.c"
    recipe = source.read_bytes() + " ".join(_COMPILE).encode()
    image = _image(cache, f"pause:{hashlib.sha256(recipe).hexdigest()[:12]}")
    if not image.archive.exists():
        _write(image, {"pause": _compile(source)})
    return image


def coredns_image(cache: Path, binaries: Binaries) -> NodeImage:
    """Return the image of CoreDNS, created if the cache lacks it. Its tag depends on its pin."""
    binary = binaries.path("coredns")
    image = _image(cache, f"coredns:{binary.parent.name.rpartition('-')[2]}")
    if not image.archive.exists():
        _write(image, {"coredns": binary.read_bytes()})
    return image


def _image(cache: Path, name: str) -> NodeImage:
    archive = cache / "images" / f"{name.replace(':', '-')}.tar"
    return NodeImage(f"localhost/cloche/{name}", archive)


def _compile(source: Path) -> bytes:
    with tempfile.TemporaryDirectory() as temporary:
        program = Path(temporary) / "pause"
        run([*_COMPILE, "-o", program, source], timeout=60)
        return program.read_bytes()


def _write(image: NodeImage, files: dict[str, bytes]) -> None:
    image.archive.parent.mkdir(parents=True, exist_ok=True)
    partial = image.archive.with_suffix(".partial")
    write_image(partial, image.name, files, f"/{next(iter(files))}")
    partial.replace(image.archive)


def write_image(target: Path, name: str, files: dict[str, bytes], entrypoint: str) -> None:
    """Write to `target` a docker-archive with one layer of executable `files`.

    `name` is the full image name with its tag; the image runs `entrypoint` as uid 65532. The same
    input produces the same bytes.
    """
    layer = _tar({path: (content, 0o755) for path, content in files.items()})
    digest = hashlib.sha256(layer).hexdigest()
    config: dict[str, Any] = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {"Entrypoint": [entrypoint], "User": "65532:65532"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    text = json.dumps(config, sort_keys=True).encode()
    config_name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [f"{digest}/layer.tar"]}]
    members = {
        config_name: (text, 0o644),
        f"{digest}/layer.tar": (layer, 0o644),
        "manifest.json": (json.dumps(manifest).encode(), 0o644),
    }
    target.write_bytes(_tar(members))


def _tar(members: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, (content, mode) in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
