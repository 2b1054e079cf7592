"""Write an SBOM for each image with syft, from the archive that the engine saves."""

from __future__ import annotations

import json
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloche_cluster.errors import ClusterError
from cloche_cluster.machine.command import run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_cluster.console import Console
    from cloche_cluster.images.engine import Builder
    from cloche_cluster.images.tags import Tagged

_FORMAT = "cyclonedx-json@1.6"
_FROM = ("--from", "oci-archive,docker-archive")
"""The archives that buildah and Docker save."""
_TIMEOUT = 600.0
_SETTINGS = {
    "SYFT_CHECK_FOR_APP_UPDATE": "false",
    "SYFT_FILE_METADATA_SELECTION": "none",  # packages only: an image has thousands of files
}


def write_sboms(
    tagged: Iterable[Tagged], builder: Builder, syft: Path, target: Path, console: Console
) -> tuple[Path, ...]:
    """Write `NAME.cdx.json` into `target` for every image, and return the paths.

    `syft` is the program. Files of images that no longer exist are removed. Raises ClusterError if
    an image cannot be read or has no Debian packages.
    """
    target.mkdir(parents=True, exist_ok=True)
    written = tuple(_write(one, builder, syft, target, console) for one in tagged)
    for old in set(target.glob("*.cdx.json")) - set(written):
        old.unlink()
    return written


def _write(one: Tagged, builder: Builder, syft: Path, target: Path, console: Console) -> Path:
    began = time.monotonic()
    # In the target directory, because an image has up to 800 MB and /tmp may be in memory.
    with tempfile.TemporaryDirectory(dir=target, prefix=".") as temporary:
        archive = Path(temporary) / f"{one.image.name}.tar"
        builder.save([one.reference], archive)
        name, _, tag = one.reference.rpartition(":")
        source = ("--source-name", name, "--source-version", tag)
        words: list[str | Path] = [
            syft,
            "scan",
            archive,
            *_FROM,
            *source,
            "--quiet",
            "--output",
            _FORMAT,
        ]
        text = run(words, timeout=_TIMEOUT, env=_SETTINGS)
    document = reproducible(json.loads(text))
    packages = [part for part in document["components"] if "purl" in part]
    if not any(part["purl"].startswith("pkg:deb/") for part in packages):
        raise ClusterError(f"{one.reference} has no record of its Debian packages")
    path = target / f"{one.image.name}.cdx.json"
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    seconds = time.monotonic() - began
    console.step(f"{one.image.name}: {len(packages)} packages, {seconds:.1f} s")
    return path


def reproducible(document: dict[str, Any]) -> dict[str, Any]:
    """Return a CycloneDX document without its time, and with a serial number from its content."""
    metadata = {name: value for name, value in document["metadata"].items() if name != "timestamp"}
    content = document | {"metadata": metadata, "serialNumber": ""}
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return content | {"serialNumber": f"urn:uuid:{serial}"}
