"""Images that are read from buildah's store and passed to containerd."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from cloche_cluster.embedded.node.image_store import ImageStore
from cloche_cluster.embedded.node.linked_images import (
    Layer,
    LinkedImages,
    chain_ids,
    read_image,
    thin_archive,
)
from cloche_cluster.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "docker.io/cloche/gateway:1"
CONFIG = json.dumps({"rootfs": {"diff_ids": ["sha256:aa", "sha256:bb"]}}).encode()
CONFIG_DIGEST = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"
MANIFEST = json.dumps(
    {"mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {"digest": CONFIG_DIGEST}}
).encode()

CTR = """#!/bin/sh
shift 4 # --address … --namespace …
echo "$*" >> "$CALLS"
case "$*" in
    "snapshots list") printf 'KEY PARENT KIND\\n%b' "$THERE" ;;
    "snapshots prepare --mounts "*)
        mkdir -p "$ROOT/$4"
        printf '[{"Type": "bind", "Source": "%s", "Options": ["rw"]}]' "$ROOT/$4" ;;
esac
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A buildah store with one image of two layers."""
    root = tmp_path / "buildah"
    layers = [
        {"id": "upper", "parent": "lower", "diff-digest": "sha256:bb"},
        {"id": "lower", "diff-digest": "sha256:aa"},
    ]
    images = [{"id": "image", "names": [NAME], "layer": "upper"}, {"id": "other", "layer": "lower"}]
    config_file = f"={base64.b64encode(CONFIG_DIGEST.encode()).decode()}"
    files = {
        "overlay-layers/layers.json": json.dumps(layers).encode(),
        "overlay-images/images.json": json.dumps(images).encode(),
        "overlay-images/image/manifest": MANIFEST,
        f"overlay-images/image/{config_file}": CONFIG,
        "overlay/lower/diff/etc/passwd": b"root",
        "overlay/upper/diff/app/main.py": b"print()",
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def test_an_image_is_read_with_its_layers_in_order(store: Path) -> None:
    image = read_image(store, NAME)
    assert image.layers == (Layer("lower", "sha256:aa"), Layer("upper", "sha256:bb"))
    assert (image.manifest, image.config) == (MANIFEST, CONFIG)


def test_an_absent_image_is_an_error_with_its_name(store: Path) -> None:
    with pytest.raises(ClusterError, match=r"does not have docker\.io/cloche/operator:1"):
        read_image(store, "docker.io/cloche/operator:1")


def test_layers_that_differ_from_the_configuration_are_an_error(store: Path) -> None:
    path = store / "overlay-layers" / "layers.json"
    path.write_text(path.read_text().replace("sha256:bb", "sha256:cc"))
    with pytest.raises(ClusterError, match=r"layers of docker\.io/cloche/gateway:1 differ"):
        read_image(store, NAME)


def test_a_chain_id_hashes_the_chain_below_and_the_layer() -> None:
    ids = chain_ids((Layer("a", "sha256:aa"), Layer("b", "sha256:bb")))
    assert ids == ["sha256:aa", f"sha256:{hashlib.sha256(b'sha256:aa sha256:bb').hexdigest()}"]


def test_the_archive_has_manifest_and_configuration_but_no_layer(store: Path) -> None:
    archive = thin_archive(read_image(store, NAME), NAME)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        names = set(tar.getnames())
        index = json.load(tar.extractfile("index.json") or io.BytesIO())
    digest = hashlib.sha256(MANIFEST).hexdigest()
    assert names == {
        "index.json",
        "oci-layout",
        f"blobs/sha256/{digest}",
        f"blobs/{CONFIG_DIGEST.replace(':', '/')}",
    }
    assert index["manifests"][0]["annotations"]["io.containerd.image.name"] == NAME


@pytest.fixture
def linked(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LinkedImages:
    program = tmp_path / "ctr"
    program.write_text(CTR)
    program.chmod(0o755)
    for name, value in (("CALLS", tmp_path / "calls"), ("ROOT", tmp_path / "snapshots")):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("THERE", "")
    return LinkedImages(store, ImageStore(program, tmp_path / "socket"))


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()


def test_each_layer_becomes_a_snapshot_of_the_same_files(
    linked: LinkedImages, store: Path, tmp_path: Path
) -> None:
    linked.load(NAME)
    lower, upper = chain_ids(read_image(store, NAME).layers)
    file = tmp_path / "snapshots" / "cloche-link-upper" / "app" / "main.py"
    assert file.samefile(store / "overlay" / "upper" / "diff" / "app" / "main.py")
    done = calls(tmp_path)
    assert done[:5] == [
        "snapshots list",
        "snapshots prepare --mounts cloche-link-lower",
        f"snapshots commit {lower} cloche-link-lower",
        f"snapshots prepare --mounts cloche-link-upper {lower}",
        f"snapshots commit {upper} cloche-link-upper",
    ]
    assert done[5].startswith("images import ")
    assert done[6:] == [f"snapshots label {name} containerd.io/gc.root=" for name in (lower, upper)]


def test_an_interrupted_load_of_an_image_is_continued(
    linked: LinkedImages, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lower, _ = chain_ids(read_image(store, NAME).layers)
    monkeypatch.setenv("THERE", f"{lower} - Committed\\ncloche-link-upper {lower} Active\\n")
    linked.load(NAME)
    done = calls(tmp_path)
    assert "snapshots remove cloche-link-upper" in done
    assert f"snapshots prepare --mounts cloche-link-upper {lower}" in done
    assert not [one for one in done if "cloche-link-lower" in one]


def test_linking_images_requires_one_file_system(linked: LinkedImages, tmp_path: Path) -> None:
    assert linked.possible(tmp_path)
    assert not linked.possible(tmp_path / "absent")
    assert not LinkedImages(tmp_path / "absent", linked.store).possible(tmp_path)


_LOOK = """
import sys
from pathlib import Path
from cloche_cluster.embedded.node.linked_images import LinkedImages
print(LinkedImages(Path(sys.argv[1]), None).possible(Path(sys.argv[2])))
"""


def test_images_are_not_linked_from_a_store_that_is_mounted_on_itself(
    store: Path, tmp_path: Path
) -> None:
    overlay = store / "overlay"
    script = f'mount --bind {overlay} {overlay} && exec "$@"'
    look = [sys.executable, "-c", _LOOK, str(store), str(tmp_path)]
    found = subprocess.run(
        ["unshare", "--mount", "--", "sh", "-c", script, "sh", *look],
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout == "False\n"
    assert not list(overlay.glob("cloche-link-*"))
