"""The SBOM of each image, with a fake syft that prints a document."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cloche_cluster.components.pins import COMPONENTS, COMPONENTS_DIRECTORY, SYFT, read_pin
from cloche_cluster.console import Console
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.sbom import reproducible, write_sboms
from cloche_cluster.images.table import Image
from cloche_cluster.images.tags import Tagged

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCUMENT: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:changes",
    "metadata": {"timestamp": "2026-01-01T00:00:00Z", "component": {"name": "x"}},
    "components": [
        {"type": "library", "purl": "pkg:deb/debian/libc6@2.41?arch=amd64"},
        {"type": "library", "purl": "pkg:pypi/anyio@4.14.2"},
        {"type": "operating-system", "name": "debian"},
    ],
}


class Saves:
    """An engine that saves images, and does nothing else."""

    def save(self, references: Iterable[str], archive: Path) -> None:
        archive.write_text("\n".join(references))


ENGINE: Any = Saves()


def tagged(name: str) -> Tagged:
    return Tagged(Image(name, Path(name) / "Dockerfile"), "0123", ())


def syft(directory: Path, document: dict[str, Any]) -> Path:
    program = directory / "syft"
    (directory / "document.json").write_text(json.dumps(document))
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {directory}/calls\ncat {directory}/document.json\n'
    )
    program.chmod(0o755)
    return program


def test_each_image_has_a_document_and_files_of_removed_images_are_deleted(tmp_path: Path) -> None:
    target = tmp_path / "sbom"
    target.mkdir()
    (target / "removed.cdx.json").write_text("{}")
    output = io.StringIO()
    written = write_sboms(
        [tagged("gateway"), tagged("valkey")],
        ENGINE, syft(tmp_path, DOCUMENT), target, Console(stream=output),
    )  # fmt: skip
    assert written == (target / "gateway.cdx.json", target / "valkey.cdx.json")
    assert set(target.iterdir()) == set(written)
    assert "gateway: 2 packages" in output.getvalue()
    call = (tmp_path / "calls").read_text().splitlines()[0]
    assert "--source-name docker.io/cloche/gateway --source-version 0123" in call
    assert "--output cyclonedx-json@1.6" in call
    assert json.loads(written[0].read_text())["components"] == DOCUMENT["components"]


def test_an_image_without_debian_packages_is_an_error(tmp_path: Path) -> None:
    program = syft(tmp_path, DOCUMENT | {"components": DOCUMENT["components"][1:]})
    console = Console(stream=io.StringIO())
    with pytest.raises(ClusterError, match="cloche/gateway:0123 has no record"):
        write_sboms([tagged("gateway")], ENGINE, program, tmp_path / "sbom", console)
    assert list((tmp_path / "sbom").iterdir()) == []


def test_the_same_content_gives_the_same_document() -> None:
    later = DOCUMENT | {
        "serialNumber": "urn:uuid:other",
        "metadata": DOCUMENT["metadata"] | {"timestamp": "2027-01-01T00:00:00Z"},
    }
    assert reproducible(DOCUMENT) == reproducible(later)
    other = reproducible(DOCUMENT | {"components": []})
    assert other["serialNumber"] != reproducible(DOCUMENT)["serialNumber"]
    assert "timestamp" not in other["metadata"]


def test_make_up_does_not_build_syft() -> None:
    assert SYFT not in COMPONENTS
    assert read_pin(SYFT, COMPONENTS_DIRECTORY).programs == ("syft",)
