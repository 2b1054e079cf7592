"""Combine images into one OCI archive, in which shared layers appear once."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_NOT_BLOBS = ("manifest.json", "version")
_DIGEST_LENGTH = 64


@dataclass(frozen=True)
class OciLayout:
    """An image layout (OCI image specification) in `directory`, extended image by image."""

    directory: Path
    _manifests: list[dict[str, Any]] = field(default_factory=list)

    def add(self, plain: Path, name: str) -> None:
        """Add an image from `plain`, where it is in the `dir:` format of containers/image.

        In that format each blob is a file named by its SHA-256. `name` is the full name with its
        tag, under which containerd and Docker will load the image.
        """
        blobs = self._blobs()
        for blob in plain.iterdir():
            if blob.name not in _NOT_BLOBS and len(blob.name) == _DIGEST_LENGTH:
                blob.replace(blobs / blob.name)
        manifest = (plain / "manifest.json").read_bytes()
        digest = hashlib.sha256(manifest).hexdigest()
        (blobs / digest).write_bytes(manifest)
        shutil.rmtree(plain)
        self._manifests.append(
            {
                "mediaType": json.loads(manifest)["mediaType"],
                "digest": f"sha256:{digest}",
                "size": len(manifest),
                "annotations": {
                    "io.containerd.image.name": name,
                    "org.opencontainers.image.ref.name": name,
                },
            }
        )

    def write(self, archive: Path) -> None:
        """Write the layout as a tar archive."""
        index = {"schemaVersion": 2, "manifests": self._manifests}
        (self.directory / "index.json").write_text(json.dumps(index))
        (self.directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        with tarfile.open(archive, "w") as tar:
            for entry in sorted(self.directory.iterdir()):
                tar.add(entry, entry.name)

    def _blobs(self) -> Path:
        blobs = self.directory / "blobs" / "sha256"
        blobs.mkdir(parents=True, exist_ok=True)
        return blobs
