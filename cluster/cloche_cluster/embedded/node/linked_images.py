"""Load images from buildah's store into containerd with hard links, without copying data.

buildah (containers/storage, driver overlay) keeps each layer's files unpacked in
`overlay/LAYER/diff`; containerd's overlay snapshotter keeps a snapshot's files unpacked too. On one
file system a snapshot can therefore consist of hard links. The layers of both are read-only, so the
shared files are never written.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloche_cluster.errors import ClusterError
from cloche_cluster.machine.command import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloche_cluster.embedded.node.image_store import ImageStore

_LINK_TIMEOUT = 300.0
_PREFIX = "cloche-link-"
"""Prefix of the keys of unfinished snapshots."""


@dataclass(frozen=True)
class Layer:
    """A layer of an image: its id in buildah, and the digest of its content."""

    id: str
    diff_id: str


@dataclass(frozen=True)
class StoredImage:
    """An image in buildah's store, without the content of its layers."""

    manifest: bytes
    config: bytes
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class LinkedImages:
    """Links images from the buildah store in `root` to the containerd of `store`."""

    root: Path
    store: ImageStore

    def possible(self, snapshots: Path) -> bool:
        """Return whether files of the store can be linked into containerd's directory `snapshots`.

        The answer comes from a link, because buildah commands that other people run on this store
        mount its directory on itself. The device is then the same, but the kernel refuses links.
        """
        overlay = self.root / "overlay"
        if not overlay.is_dir() or not snapshots.is_dir():
            return False
        with (
            tempfile.NamedTemporaryFile(dir=overlay, prefix=_PREFIX) as file,
            tempfile.TemporaryDirectory(dir=snapshots, prefix=_PREFIX) as directory,
        ):
            try:
                (Path(directory) / "link").hardlink_to(file.name)
            except OSError:
                return False
            return True

    def load(self, reference: str) -> None:
        """Load an image. Leftovers of an interrupted run are removed or reused.

        Raises ClusterError if the image in buildah's store is not as expected.
        """
        image = read_image(self.root, reference)
        there = self.store.snapshots()
        for key in there:
            if key.startswith(_PREFIX):
                self.store.remove_snapshot(key)
        parent = ""
        for layer, chain_id in zip(image.layers, chain_ids(image.layers), strict=True):
            if chain_id not in there:
                self._link(layer, chain_id, parent)
            parent = chain_id
        with tempfile.TemporaryDirectory(prefix="cloche-image-") as temporary:
            archive = Path(temporary) / "image.tar"
            archive.write_bytes(thin_archive(image, reference))
            self.store.load(archive)
        # The image now keeps its snapshots from being collected. Without the label that `ctr` set,
        # they are removed together with the image.
        for chain_id in chain_ids(image.layers):
            self.store.release_snapshot(chain_id)

    def _link(self, layer: Layer, chain_id: str, parent: str) -> None:
        """Create the snapshot `chain_id` from the layer's files."""
        key = f"{_PREFIX}{layer.id[:16]}"
        target = self.store.prepare_snapshot(key, parent)
        source = self.root / "overlay" / layer.id / "diff"
        run(["cp", "--archive", "--link", f"{source}/.", target], timeout=_LINK_TIMEOUT)
        self.store.commit_snapshot(key, chain_id)


def read_image(root: Path, reference: str) -> StoredImage:
    """Read the image `reference` from the buildah store below `root`. Raises ClusterError."""
    try:
        images = json.loads((root / "overlay-images" / "images.json").read_text())
        layers = json.loads((root / "overlay-layers" / "layers.json").read_text())
        image = next(one for one in images if reference in (one.get("names") or ()))
        manifest = _big_data(root, image["id"], "manifest")
        config = _big_data(root, image["id"], json.loads(manifest)["config"]["digest"])
        chain = tuple(_chain({one["id"]: one for one in layers}, image["layer"]))
        diff_ids = json.loads(config)["rootfs"]["diff_ids"]
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise ClusterError(f"buildah's store does not have {reference}: {error!r}") from None
    if [layer.diff_id for layer in chain] != diff_ids:
        raise ClusterError(f"buildah's layers of {reference} differ from its configuration")
    return StoredImage(manifest, config, chain)


def chain_ids(layers: tuple[Layer, ...]) -> list[str]:
    """Return the chain ID of each layer, which is containerd's name for its snapshot.

    https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
    """
    ids: list[str] = []
    for layer in layers:
        chained = f"{ids[-1]} {layer.diff_id}".encode() if ids else b""
        ids.append(f"sha256:{hashlib.sha256(chained).hexdigest()}" if ids else layer.diff_id)
    return ids


def thin_archive(image: StoredImage, reference: str) -> bytes:
    """Return an OCI archive of the image with only its manifest and configuration."""
    manifest, digest = json.loads(image.manifest), _sha256(image.manifest)
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                "mediaType": manifest["mediaType"],
                "digest": f"sha256:{digest}",
                "size": len(image.manifest),
                "annotations": {
                    "io.containerd.image.name": reference,
                    "org.opencontainers.image.ref.name": reference,
                },
            }
        ],
    }
    members = {
        f"blobs/sha256/{digest}": image.manifest,
        f"blobs/sha256/{_sha256(image.config)}": image.config,
        "index.json": json.dumps(index).encode(),
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _chain(layers: dict[str, Any], top: str) -> Iterator[Layer]:
    """Return the layers from the lowest to `top`."""
    found = layers[top]
    if found.get("parent"):
        yield from _chain(layers, found["parent"])
    yield Layer(found["id"], found["diff-digest"])


def _big_data(root: Path, image: str, name: str) -> bytes:
    """Read a file of an image. Source: containers/storage, makeBigDataBaseName."""
    plain = name.isalnum()
    file = name if plain else f"={base64.b64encode(name.encode()).decode()}"
    return (root / "overlay-images" / image / file).read_bytes()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
