"""The packages of an image, read from its archive and written as CycloneDX."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cloche_cluster.console import Console
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.archive import Root, read_root
from cloche_cluster.images.inventory import write_sboms
from cloche_cluster.images.packages import Distribution, Package, is_record, packages
from cloche_cluster.images.sbom import document
from cloche_cluster.images.table import Image
from cloche_cluster.images.tags import Tagged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Layer = list[tuple[str, "bytes | str | None"]]
"""Files with their content, links (`->target`) and directories (None)."""

STATUS = b"""Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc
Version: 2.41-12+deb13u5

Package: libstdc++6
Status: install ok installed
Architecture: amd64
Version: 1:14.2~rc-1
Description: a library
 Version: none of this

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1
"""
OS_RELEASE = b'ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n'
COPYRIGHT = b"""Format: http://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
License: LGPL-2.1+
 text
License: GPL-3+
License: LGPL-2.1+
"""


def packed(layer: Layer, mode: Any = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in layer:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                kind, info.linkname = content[:2], content[2:]
                info.type = tarfile.SYMTYPE if kind == "->" else tarfile.LNKTYPE
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def docker(path: Path, layers: Iterable[Layer]) -> Path:
    blobs = {f"{number}/layer.tar": packed(layer) for number, layer in enumerate(layers)}
    manifest = json.dumps([{"Config": "c.json", "Layers": list(blobs)}]).encode()
    path.write_bytes(packed([*blobs.items(), ("manifest.json", manifest)]))
    return path


def oci(path: Path, layers: Iterable[Layer]) -> Path:
    """With compressed layers, which engines may write."""
    blobs = [packed(layer, "w:gz") for layer in layers]

    def described(blob: bytes) -> Mapping[str, str]:
        return {"digest": f"sha256:{hashlib.sha256(blob).hexdigest()}"}

    manifest = json.dumps({"layers": [described(blob) for blob in blobs]}).encode()
    index = json.dumps({"schemaVersion": 2, "manifests": [described(manifest)]}).encode()
    named: Layer = [
        (f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob) for blob in [*blobs, manifest]
    ]
    path.write_bytes(packed([*named, ("index.json", index)]))
    return path


LAYERS: list[Layer] = [
    [
        ("./etc", None),
        ("./etc/a", b"old"),
        ("./etc/removed", b"x"),
        ("./dir/one", b"x"),
        ("./dir/two", b"x"),
        ("./full/one", b"x"),
        ("./other", b"unwanted"),
        ("./replaced/below", b"x"),
        ("./was-link", "->etc"),
    ],
    [
        ("etc/a", b"new"),
        ("etc/.wh.removed", b""),
        (".wh.dir", b""),
        ("full/.wh..wh..opq", b""),
        ("full/two", b"kept"),
        ("replaced", b"a file now"),
        ("was-link", b"a file now"),
        ("link", "->etc/a"),
        ("hard", "==etc/a"),
    ],
    [("dir/three", b"again"), ("etc/back", b"1")],
]


@pytest.mark.parametrize("save", [docker, oci])
def test_files_of_later_layers_replace_and_remove_earlier_ones(tmp_path: Path, save: Any) -> None:
    root = read_root(save(tmp_path / "image.tar", LAYERS), lambda path: path != "other")
    assert root.files == {
        "etc/a": b"new",
        "etc/back": b"1",
        "dir/three": b"again",
        "full/two": b"kept",
        "replaced": b"a file now",
        "was-link": b"a file now",
        "hard": b"new",
    }
    assert root.links == {"link": "etc/a"}


def test_links_are_followed_within_the_image() -> None:
    links = {"a": "/b", "b/c": "../d", "loop": "loop", "out": "../../../etc/x"}
    root = Root({"d/file": b"1", "etc/x": b"2"}, links)
    assert root.read("a/c/file") == b"1"
    assert root.read("out") == b"2"
    assert root.read("loop") is None
    assert root.read("a/none") is None


@pytest.mark.parametrize("content", [b"", b"no tar at all", packed([("x", b"y")])])
def test_a_file_that_is_no_image_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(content)
    with pytest.raises(ClusterError, match=r"image\.tar is no image"):
        read_root(path, is_record)


def found(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> list[Package]:
    return list(packages(Root({"usr/lib/os-release": OS_RELEASE, **files}, links or {})))


def test_debian_packages_are_read_with_their_licences() -> None:
    files = {"var/lib/dpkg/status": STATUS, "usr/share/doc/libc6/copyright": COPYRIGHT}
    links = {"usr/share/doc/libstdc++6": "libc6"}
    licenses = ("GPL-3+", "LGPL-2.1+")
    assert found(files, links) == [
        Package(
            "pkg:deb/debian/libc6@2.41-12%2Bdeb13u5?arch=amd64&distro=trixie",
            "libc6",
            "2.41-12+deb13u5",
            licenses,
        ),
        Package(
            "pkg:deb/debian/libstdc%2B%2B6@1:14.2~rc-1?arch=amd64&distro=trixie",
            "libstdc++6",
            "1:14.2~rc-1",
            licenses,
        ),
    ]


@pytest.mark.parametrize(
    ("lines", "licenses", "expression"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: x", (), "MIT OR Apache-2.0"),
        ("License: BSD", ("BSD",), None),
        ("License: x\nClassifier: License :: OSI Approved :: MIT License", ("MIT License",), None),
        ("License: The text of a licence\n that goes on", (), None),
        ("Classifier: Topic :: Internet", (), None),
    ],
)
def test_python_distributions_are_read_with_their_licences(
    lines: str, licenses: tuple[str, ...], expression: str | None
) -> None:
    text = f"Metadata-Version: 2.4\nName: Typing_Extensions\nVersion: 4.1\n{lines}\n\nName: x\n"
    result = found({"app/x.dist-info/METADATA": text.encode()})
    purl = "pkg:pypi/typing-extensions@4.1"
    assert result == [Package(purl, "Typing_Extensions", "4.1", licenses, expression)]


def test_each_npm_package_is_read_once() -> None:
    manifest = {"name": "@types/node", "version": "20.1.0", "license": "MIT"}
    path = "opt/x/lib/node_modules/{}/package.json"
    files = {
        path.format("@types/node"): json.dumps(manifest).encode(),
        path.format("a/node_modules/@types/node"): json.dumps(manifest).encode(),
    }
    assert all(is_record(one) for one in files)
    assert found(files) == [
        Package("pkg:npm/%40types/node@20.1.0", "@types/node", "20.1.0", (), "MIT")
    ]


@pytest.mark.parametrize(
    "path",
    [
        "usr/lib/python3/dist-packages/numpy-2.2.4.dist-info/METADATA",  # in Debian's package
        "usr/share/nodejs/undici/node_modules/x/package.json",
        "opt/x/lib/node_modules/a/lib/package.json",
        "opt/x/lib/node_modules/@types/package.json",
        "usr/share/doc/libc6/changelog",
        "etc/passwd",
    ],
)
def test_other_files_are_no_package_records(path: str) -> None:
    assert not is_record(path)


SYSTEM = Distribution("debian", "13", "trixie")
SOME = [Package("pkg:a/b@1", "b", "1", ("X",)), Package("pkg:a/c@1", "c", "1", (), "MIT")]


def test_the_sbom_is_reproducible() -> None:
    text = document("docker.io/cloche/gateway:0123", SYSTEM, SOME)
    assert text == document("docker.io/cloche/gateway:0123", SYSTEM, list(SOME))
    result = json.loads(text)
    assert (result["bomFormat"], result["specVersion"], result["version"]) == (
        "CycloneDX",
        "1.6",
        1,
    )
    assert "timestamp" not in result["metadata"]
    component = result["metadata"]["component"]
    assert (component["name"], component["version"]) == ("docker.io/cloche/gateway", "0123")
    system, one, two = result["components"]
    assert (system["type"], system["name"], system["version"]) == (
        *("operating-system", "debian", "13"),
    )
    assert one["licenses"] == [{"license": {"name": "X"}}]
    assert two["licenses"] == [{"expression": "MIT"}]
    others = (
        document("docker.io/cloche/gateway:4567", SYSTEM, SOME),
        document("docker.io/cloche/gateway:0123", SYSTEM, SOME[:1]),
    )
    serials = {json.loads(one)["serialNumber"] for one in (text, *others)}
    assert len(serials) == 3


@dataclass
class Saves:
    """An engine that saves an image with these layers, and does nothing else."""

    layers: list[Layer]

    def save(self, references: Iterable[str], archive: Path) -> None:
        (_,) = references
        docker(archive, self.layers)


def tagged(name: str) -> Tagged:
    return Tagged(Image(name, Path(name) / "Dockerfile"), "0123", ())


def test_each_image_gets_an_sbom_file_and_old_files_are_removed(tmp_path: Path) -> None:
    target = tmp_path / "sbom"
    target.mkdir()
    (target / "removed.cdx.json").write_text("{}")
    engine: Any = Saves([[("var/lib/dpkg/status", STATUS), ("usr/lib/os-release", OS_RELEASE)]])
    said = io.StringIO()
    written = write_sboms(
        [tagged("gateway"), tagged("valkey")], engine, target, Console(stream=said)
    )
    assert written == (target / "gateway.cdx.json", target / "valkey.cdx.json")
    assert set(target.iterdir()) == set(written)
    assert "gateway: 2 packages" in said.getvalue()
    assert len(json.loads(written[0].read_text())["components"]) == 3


def test_an_image_without_package_records_is_an_error(tmp_path: Path) -> None:
    engine: Any = Saves([[("etc/passwd", b"")]])
    with pytest.raises(ClusterError, match="cloche/gateway:0123 has no record"):
        write_sboms([tagged("gateway")], engine, tmp_path / "sbom", Console(stream=io.StringIO()))
    assert list((tmp_path / "sbom").iterdir()) == []
